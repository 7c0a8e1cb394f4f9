// The questions in flight, by name and type. A table of chains that go through the questions themselves: every lookup enters
// and leaves one, and a Dictionary hashes the key anew for each of these, and its neighbours' when one leaves. A name brings
// its hash.

struct QuestionTable {
    private(set) var count = 0
    private var chains = [Question?](repeating: nil, count: 64)

    /// The question about a name and a type, if it is in flight.
    func find(_ key: Question.Key) -> Question? {
        var question = chains[chain(key)]
        while let candidate = question, candidate.key != key { question = candidate.nextInChain }
        return question
    }

    /// Takes in a question that isn't there yet.
    mutating func insert(_ question: Question) {
        if count * 2 == chains.count { grow() }
        let chain = chain(question.key)
        question.nextInChain = chains[chain]
        chains[chain] = question
        count += 1
    }

    /// Takes out a question, if it is there.
    mutating func remove(_ question: Question) {
        let chain = chain(question.key)
        if chains[chain] === question {
            chains[chain] = question.nextInChain
        } else {
            var before = chains[chain]
            while let candidate = before, candidate.nextInChain !== question { before = candidate.nextInChain }
            guard let before else { return }
            before.nextInChain = question.nextInChain
        }
        question.nextInChain = nil
        count -= 1
    }

    /// All of them, in no particular order.
    var all: [Question] {
        chains.compactMap(\.self).flatMap { Array(sequence(first: $0) { $0.nextInChain }) }
    }

    mutating func removeAll() {
        for question in all { question.nextInChain = nil }
        self = QuestionTable()
    }

    private func chain(_ key: Question.Key) -> Int {
        key.name.hash(with: key.type) & (chains.count - 1)
    }

    private mutating func grow() {
        let questions = all
        chains = Array(repeating: nil, count: chains.count * 2)
        for question in questions {
            let chain = chain(question.key)
            question.nextInChain = chains[chain]
            chains[chain] = question
        }
    }
}
