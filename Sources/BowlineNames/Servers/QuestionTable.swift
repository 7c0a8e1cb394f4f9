// The questions in flight, by name and type. A table of chains that go through the questions themselves: every lookup enters
// and leaves one, and a Dictionary hashes the key anew for each of these, and its neighbours' when one leaves. A name brings
// its hash.

final class QuestionTable {
    // @exclusivity(unchecked): no access lasts longer than its statement, and none of these statements calls a user.
    @exclusivity(unchecked) private(set) var count = 0
    /// The heads of the chains. The table owns each question in it: `insert` retains it, `remove` and `removeAll` release it;
    /// so a walk along a chain counts nothing.
    @exclusivity(unchecked) private var chains = [Unmanaged<Question>?](repeating: nil, count: 64)

    deinit {
        removeAll()
    }

    /// The question about a name and a type, if it is in flight.
    func find(_ key: Question.Key) -> Question? {
        var next = chains[chain(key)]
        while let candidate = next {
            if candidate._withUnsafeGuaranteedRef({ $0.key == key }) { return candidate.takeUnretainedValue() }
            next = candidate._withUnsafeGuaranteedRef { $0.nextInChain }
        }
        return nil
    }

    /// Takes in a question that isn't there yet.
    func insert(_ question: Question) {
        if count * 2 == chains.count { grow() }
        link(Unmanaged.passRetained(question))
        count += 1
    }

    /// Takes out a question, if it is there.
    func remove(_ question: Question) {
        let wanted = Unmanaged.passUnretained(question)
        let chain = chain(question.key)
        if chains[chain]?.toOpaque() == wanted.toOpaque() {
            chains[chain] = question.nextInChain
        } else {
            var next = chains[chain]
            while let before = next {
                next = before._withUnsafeGuaranteedRef { $0.nextInChain }
                guard next?.toOpaque() == wanted.toOpaque() else { continue }
                before._withUnsafeGuaranteedRef { $0.nextInChain = question.nextInChain }
                break
            }
            guard next != nil else { return }
        }
        question.nextInChain = nil
        count -= 1
        wanted.release()
    }

    /// All of them, in no particular order.
    var all: [Question] {
        references.map { $0.takeUnretainedValue() }
    }

    func removeAll() {
        let references = references
        chains = Array(repeating: nil, count: 64)
        count = 0
        for reference in references {
            reference._withUnsafeGuaranteedRef { $0.nextInChain = nil }
            reference.release()
        }
    }

    private var references: [Unmanaged<Question>] {
        var references: [Unmanaged<Question>] = []
        for head in chains {
            var next = head
            while let reference = next {
                references.append(reference)
                next = reference._withUnsafeGuaranteedRef { $0.nextInChain }
            }
        }
        return references
    }

    private func chain(_ key: Question.Key) -> Int {
        key.name.hash(with: key.type) & (chains.count - 1)
    }

    private func link(_ reference: Unmanaged<Question>) {
        reference._withUnsafeGuaranteedRef { question in
            let chain = chain(question.key)
            question.nextInChain = chains[chain]
            chains[chain] = reference
        }
    }

    private func grow() {
        let references = references
        chains = Array(repeating: nil, count: chains.count * 2)
        for reference in references { link(reference) }
    }
}

@available(*, unavailable)
extension QuestionTable: Sendable {}
