// The questions in flight, by name and type. A table of its own: every lookup enters and leaves one, and a Dictionary hashes the
// key anew for each of these, and its neighbours' when one leaves. A name brings its hash. It stands beside the question, so
// that neither a search nor a removal looks at any other question: among ten thousand, each look would wait for memory.

final class QuestionTable {
    /// A question is in the bucket that its hash says, or as soon after that as there was an empty one.
    private struct Bucket {
        var hash = 0
        /// Owned by the table: `insert` retains it, `remove` and `removeAll` release it. So what moves up isn't counted.
        var question: Unmanaged<Question>?
    }

    // @exclusivity(unchecked): no access lasts longer than its statement, and none of these statements calls a user.
    @exclusivity(unchecked) private(set) var count = 0
    /// Twice as many as there are questions, at least; a power of two.
    @exclusivity(unchecked) private var buckets = [Bucket](repeating: Bucket(), count: 128)

    deinit {
        removeAll()
    }

    /// The question about a name and a type, if it is in flight.
    func find(_ name: DomainName, _ type: RecordType) -> Question? {
        let hash = name.hash(with: type)
        var place = home(hash)
        while let question = buckets[place].question {
            if buckets[place].hash == hash,
                question._withUnsafeGuaranteedRef({ $0.key.type == type && $0.key.name == name })
            {
                return question.takeUnretainedValue()
            }
            place = after(place)
        }
        return nil
    }

    /// Takes in a question that isn't there yet.
    func insert(_ question: Question) {
        if 2 * (count + 1) > buckets.count { grow() }
        occupy(Bucket(hash: hash(question), question: .passRetained(question)))
        count += 1
    }

    /// Takes out a question, if it is there.
    func remove(_ question: Question) {
        let wanted = Unmanaged.passUnretained(question)
        var place = home(hash(question))
        while let candidate = buckets[place].question, candidate.toOpaque() != wanted.toOpaque() {
            place = after(place)
        }
        guard buckets[place].question != nil else { return }
        count -= 1
        // Those move up that would no longer be found beyond it.
        var next = after(place)
        while buckets[next].question != nil {
            if distance(home(buckets[next].hash), next) >= distance(place, next) {
                buckets[place] = buckets[next]
                place = next
            }
            next = after(next)
        }
        buckets[place].question = nil
        wanted.release()
    }

    /// All of them, in no particular order.
    var all: [Question] { buckets.compactMap { $0.question?.takeUnretainedValue() } }

    func removeAll() {
        let known = buckets
        buckets = Array(repeating: Bucket(), count: 128)
        count = 0
        for bucket in known { bucket.question?.release() }
    }

    private func hash(_ question: Question) -> Int { question.key.name.hash(with: question.key.type) }

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
