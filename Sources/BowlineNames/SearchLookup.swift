// The lookup of a short name: one candidate after the other, until one exists. Made by the resolver if the configuration
// has a search list and nothing here knows the name; each candidate then goes the way of any other name.
//
// What leads to the next candidate is what glibc has: NXDOMAIN, NODATA, and SERVFAIL of a domain that is broken (its
// musl counterpart stops there, which is why names that work elsewhere don't in Alpine containers). Whatever else goes
// wrong concerns the server, not the name, and ends the search. If no candidate has records, a failure weighs more than
// a name that exists, and that more than one that doesn't: so a broken server never looks like a missing name.

import BowlineDeferred
import BowlineReactor

final class SearchLookup {
    /// Looks up one candidate in the time that is left.
    typealias Look = (
        _ candidate: DomainName, _ timeout: Duration, _ onAnswer: @escaping (TypeAnswer) -> Void
    ) -> Deferred<LookupAnswer>

    private let typed: DomainName
    private let timeout: Duration
    private let clock: any ReactorClock
    private let startTime: ReactorInstant
    private let look: Look

    // @exclusivity(unchecked): no access lasts longer than its statement, and none of these statements calls a user.
    @exclusivity(unchecked) private var candidates: ArraySlice<DomainName>
    @exclusivity(unchecked) private var onAnswer: ((TypeAnswer) -> Void)?
    @exclusivity(unchecked) private var tried: [DomainName] = []
    /// Answers without records, until the candidate's others say whether this is the name.
    @exclusivity(unchecked) private var held: [TypeAnswer] = []
    @exclusivity(unchecked) private var isFound = false
    /// What to say if there is no such name, with the answers that belong to it.
    @exclusivity(unchecked) private var best: (error: LookupError, answers: [TypeAnswer])?
    @exclusivity(unchecked) private var current: Deferred<Void>?
    @exclusivity(unchecked) private var isOver = false
    private(set) lazy var deferred = Deferred<LookupAnswer>(canceller: { [unowned self] in stop() })

    /// - Parameters:
    ///   - typed: the name as it was given, which is one of the candidates.
    ///   - timeout: for all candidates together.
    init(
        _ candidates: [DomainName], of typed: DomainName, timeout: Duration, clock: any ReactorClock,
        onAnswer: ((TypeAnswer) -> Void)?, look: @escaping Look
    ) {
        self.candidates = candidates[...]
        self.typed = typed
        self.timeout = timeout
        self.clock = clock
        self.onAnswer = onAnswer
        self.look = look
        startTime = clock.now
    }

    private var elapsed: Duration { clock.now - startTime }

    /// Looks up the next candidate.
    func proceed() {
        guard let candidate = candidates.popFirst() else {
            giveUp()
            return
        }
        tried.append(candidate)
        held = []
        let found = look(candidate, timeout - elapsed) { [self] answer in take(answer) }
        let current = found.addBoth { [self] result in candidateEnded(result) }
        if !current.isFired { self.current = current }
    }

    private func take(_ answer: TypeAnswer) {
        guard !isOver else { return }
        if !isFound, answer.records.isEmpty {
            held.append(answer)
            return
        }
        isFound = true
        tell(held + [answer])
        held = []
    }

    private func tell(_ answers: [TypeAnswer]) {
        // Whoever is told may leave.
        for answer in answers { onAnswer?(answer) }
    }

    private func candidateEnded(_ result: Result<LookupAnswer, any Error>) {
        current = nil
        guard !isOver else { return }
        switch result {
        case .success(var answer):
            answer.elapsed = elapsed
            end(.success(answer))
        case .failure(let error as LookupError):
            if isBetter(error) { best = (error, held) }
            if error.kind.leadsToNext { proceed() } else { giveUp() }
        case .failure(let error):
            end(.failure(error))
        }
    }

    /// Of equals the name as it was typed counts, else the first.
    private func isBetter(_ error: LookupError) -> Bool {
        guard let best else { return true }
        let (new, old) = (error.kind.weight, best.error.kind.weight)
        return new > old || new == old && error.name == typed
    }

    private func giveUp() {
        guard let best else {
            end(.failure(LookupError(.noServer, name: typed, types: [])))
            return
        }
        var error = best.error
        error.searched = tried.filter { $0 != error.name }
        if error.elapsed != nil { error.elapsed = elapsed }
        tell(best.answers)
        end(.failure(error))
    }

    private func end(_ result: Result<LookupAnswer, any Error>) {
        onAnswer = nil
        guard !isOver else { return }
        isOver = true
        switch result {
        case .success(let answer): deferred.callback(answer)
        case .failure(let error): deferred.errback(error)
        }
    }

    /// The canceller: leaves; the Deferred fails by itself.
    private func stop() {
        isOver = true
        onAnswer = nil
        let current = self.current
        self.current = nil
        current?.cancel()
    }
}

@available(*, unavailable)
extension SearchLookup: Sendable {}

extension LookupError.Kind {
    /// Whether another candidate may exist all the same.
    fileprivate var leadsToNext: Bool { self == .nxdomain || self == .nodata || self == .servfail }

    /// What is told, if several candidates failed: the heaviest.
    fileprivate var weight: Int {
        switch self {
        case .nxdomain: 0
        case .nodata: 1
        case .servfail: 2
        case .refused, .noServer, .timeout, .malformed, .cancelled: 3
        }
    }
}
