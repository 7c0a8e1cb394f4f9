// The work queued for one phase of a turn. What is added while the phase runs waits for the next turn, so that no phase
// can last for ever. A class, because elements append to the very queue that is being run.

final class TurnQueue<Element> {
    @exclusivity(unchecked) private var waiting: ContiguousArray<Element> = []
    /// Emptied storage of the last batch, used again by the next.
    @exclusivity(unchecked) private var spare: ContiguousArray<Element> = []

    var isEmpty: Bool { waiting.isEmpty }

    func append(_ element: Element) { waiting.append(element) }

    /// Calls `body` with each element that is there now.
    func run(_ body: (Element) -> Void) {
        guard !waiting.isEmpty else { return }
        var batch = spare
        spare = []
        swap(&waiting, &batch)
        for element in batch { body(element) }
        batch.removeAll(keepingCapacity: true)
        spare = batch
    }
}
