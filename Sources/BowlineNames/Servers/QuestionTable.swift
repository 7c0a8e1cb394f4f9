// The questions in flight, by name and type. A table of its own: every lookup enters and leaves one, and a Dictionary hashes the
// key anew for each of these, and its neighbours' when one leaves. A name brings its hash. It stands beside the question, so
// that neither a search nor a removal looks at any other question: among ten thousand, each look would wait for memory.

final class QuestionTable {
    /// A question is in the bucket that its hash says, or as soon after that as there was an empty one.
    private struct Bucket {
        var hash = 0
        var question: Question?
    }

    // @exclusivity(unchecked): no access lasts longer than its statement, and none of these statements calls a user.
    @exclusivity(unchecked) private(set) var count = 0
    /// Twice as many as there are questions, at least; a power of two.
    @exclusivity(unchecked) private var buckets = [Bucket](repeating: Bucket(), count: 128)

    /// The question about a name and a type, if it is in flight.
    func find(_ key: Question.Key) -> Question? {
        let hash = Self.hash(key)
        var place = home(hash)
        while let question = buckets[place].question {
            if buckets[place].hash == hash, question.key == key { return question }
            place = after(place)
        }
        return nil
    }

    /// Takes in a question that isn't there yet.
    func insert(_ question: Question) {
        if 2 * (count + 1) > buckets.count { grow() }
        occupy(Bucket(hash: Self.hash(question.key), question: question))
        count += 1
    }

    /// Takes out a question, if it is there.
    func remove(_ question: Question) {
        var place = home(Self.hash(question.key))
        while buckets[place].question !== question {
            if buckets[place].question == nil { return }
            place = after(place)
        }
        buckets[place].question = nil
        count -= 1
        // Those move up that would no longer be found beyond it.
        var next = after(place)
        while buckets[next].question != nil {
            if distance(home(buckets[next].hash), next) >= distance(place, next) {
                buckets.swapAt(place, next)
                place = next
            }
            next = after(next)
        }
    }

    /// All of them, in no particular order.
    var all: [Question] { buckets.compactMap(\.question) }

    func removeAll() {
        buckets = Array(repeating: Bucket(), count: 128)
        count = 0
    }

    private static func hash(_ key: Question.Key) -> Int { key.name.hash(with: key.type) }

    /// The bucket where a hash is looked for first.
    @inline(__always)
    private func home(_ hash: Int) -> Int { hash & (buckets.count - 1) }

    /// The bucket after another, round the end.
    @inline(__always)
    private func after(_ place: Int) -> Int { (place + 1) & (buckets.count - 1) }

    /// How far one bucket is after another.
    private func distance(_ start: Int, _ end: Int) -> Int { (end - start) & (buckets.count - 1) }

    private func occupy(_ bucket: Bucket) {
        var place = home(bucket.hash)
        while buckets[place].question != nil { place = after(place) }
        buckets[place] = bucket
    }

    private func grow() {
        let known = buckets
        buckets = Array(repeating: Bucket(), count: 2 * known.count)
        for bucket in known where bucket.question != nil { occupy(bucket) }
    }
}

@available(*, unavailable)
extension QuestionTable: Sendable {}
