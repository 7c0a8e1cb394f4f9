// What a server is known for: its pace, whether it is well, what it turned out not to understand, and how often what happened. A
// value; the server that owns it tells it, and asks it before each question.

import BowlineReactor

struct ServerRecord {
    /// What a server turned out not to know is tried again after so long; RFC 6891 wants it remembered briefly.
    private static let memory: Duration = .seconds(600)
    /// So many questions in a row that are answered only without EDNS outweigh that it was once known.
    private static let proofs = 3
    /// One round trip in so much time is remembered for the curve.
    private static let curveStep: Duration = .milliseconds(250)
    private static let curveLength = 120

    private(set) var roundTrips = RoundTripEstimator()
    var health = ServerHealth()
    var counts = ServerCounts()
    private var lastFailure: LookupError.ServerReport?
    private var curve: [ServerSnapshot.RoundTrip] = []
    /// Whether it has answered with EDNS.
    private var hasShownEDNS = false
    /// Questions in a row that it answered without EDNS only.
    private var plainProofs = 0
    private var plainUntil: ReactorInstant?
    private var lowerCaseUntil: ReactorInstant?

    // MARK: what it knows

    /// Whether it is to be offered EDNS.
    func knowsEDNS(at now: ReactorInstant) -> Bool { plainUntil.map { now >= $0 } ?? true }

    /// It answered with an OPT record.
    mutating func noteEDNS() {
        hasShownEDNS = true
        plainProofs = 0
    }

    /// It refused a question because of EDNS, and answered it without. Of one that has answered with EDNS, that may be a
    /// forger's word, and is believed when it comes several times in a row.
    mutating func notePlainProof(at now: ReactorInstant) {
        plainProofs += 1
        guard plainProofs >= (hasShownEDNS ? Self.proofs : 1) else { return }
        plainUntil = now + Self.memory
        hasShownEDNS = false
        plainProofs = 0
    }

    /// Whether it repeats a question in the case in which it was asked.
    func keepsCase(at now: ReactorInstant) -> Bool { lowerCaseUntil.map { now >= $0 } ?? true }

    mutating func noteLostCase(at now: ReactorInstant) { lowerCaseUntil = now + Self.memory }

    // MARK: what happened

    /// - Parameter roundTrip: in nanoseconds.
    mutating func noteRoundTrip(_ roundTrip: Int64, at now: ReactorInstant) {
        roundTrips.add(roundTrip)
        guard curve.last.map({ now - $0.when >= Self.curveStep }) ?? true else { return }
        if curve.count == Self.curveLength { curve.removeFirst() }
        curve.append(ServerSnapshot.RoundTrip(when: now, duration: .nanoseconds(roundTrip)))
    }

    mutating func noteFailure(_ report: LookupError.ServerReport, isGone: Bool, at now: ReactorInstant) {
        lastFailure = report
        health.noteFailure(isGone: isGone, at: now)
    }

    // MARK: inspection

    var state: ServerSnapshot.State { health.isFailing ? .failing : counts.answers > 0 ? .good : .untried }

    /// Fills in a row of the inspection.
    func complete(_ row: inout ServerSnapshot, at now: ReactorInstant) {
        row.nextProbe = health.retryTime
        if roundTrips.isMeasured {
            row.smoothedRoundTrip = .nanoseconds(roundTrips.smoothed)
            row.roundTripVariation = .nanoseconds(roundTrips.variation)
        }
        row.retransmissionTime = .nanoseconds(roundTrips.resendTime)
        row.counts = counts
        row.usesEDNS = knowsEDNS(at: now)
        row.keepsCase = keepsCase(at: now)
        row.lastFailure = lastFailure
        row.recentRoundTrips = curve
    }
}
