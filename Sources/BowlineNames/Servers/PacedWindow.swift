// How many questions a server may have before it. Too few, and its round trip decides how fast names come; too many, and
// they overflow a socket's buffer, here or there, where each loss costs a whole timeout. No number is right for a server on
// this machine and for one across the sea, so the window is found: by how long answers queue, and by what gets lost.
//
// A value without a clock or a socket: `(answers, losses) -> size`, tested as tables.

import BowlineReactor

struct PacedWindow {
    /// What any buffer takes: 64 small packets are a quarter of what the kernel gives a socket unasked.
    static let initialSize = 64
    static let smallestSize = 32
    /// What fits the receive buffer that the system gives on request (net.core.rmem_max, 208 KiB and its overhead).
    static let largestSize = 1_024
    /// After so much silence those that wait are let out all the same, so that names that take a server long, or servers that
    /// are silent, don't hold them up.
    static let longestStay: Duration = .milliseconds(20)
    /// So many at once then: a socket's buffer takes them, even if the server doesn't run at the moment.
    static let silentSize = 192
    /// So many of our datagrams may stand in queues on the way; a socket's buffer loses some from about 250.
    private static let shortQueue: Int64 = 64
    private static let longQueue: Int64 = 128
    /// What a server far away may have before it for each millisecond of the shortest round trip: no less than any answers.
    private static let questionsPerMillisecond: Int64 = 64
    /// One in so many lost is the network's noise; more is a buffer that overflows.
    private static let toleratedLoss = 16
    /// Twice the window must bring so much more a second for it to be doubled again; where it doesn't, the server is at its
    /// limit. Round trips don't tell in time: the first of a burst is answered at once, however long the burst is.
    private static let worthwhileGain = 1.25

    private(set) var size = initialSize
    /// Doubling until something stands in the way.
    private var isStarting = true

    // A round is as many answers as the window had room for when it began.
    private var roundStart: Int64 = -1
    private var answered = 0
    private var lost = 0
    /// The shortest round trip of this round, and of all: their difference is time spent in queues.
    private var fastest = Int64.max
    private var shortest = Int64.max
    /// Answers a nanosecond in the round before.
    private var lastRate = 0.0

    /// An answer came.
    /// - Parameters:
    ///   - roundTrip: in nanoseconds; nil if it can't be told, for a question that was sent more than once.
    ///   - isFull: whether more questions wait than the window lets out. A window that isn't used needn't grow.
    mutating func noteAnswer(roundTrip: Int64?, at now: ReactorInstant, isFull: Bool) {
        if roundStart < 0 { roundStart = now.nanoseconds - (roundTrip ?? 0) }
        if let roundTrip { fastest = min(fastest, roundTrip) }
        answered += 1
        endRound(at: now, isFull)
    }

    /// A question stayed without an answer for as long as the server usually takes.
    mutating func noteLoss(at now: ReactorInstant, isFull: Bool) {
        if roundStart < 0 { roundStart = now.nanoseconds }
        lost += 1
        endRound(at: now, isFull)
    }

    /// How large the window may become. A server nearby is at its limit with few questions under way: more would only stand in
    /// its buffer, and be lost when it doesn't run for a moment. How many are under way can't be told from its round trips, for
    /// these last as long as a turn of the loop, whose length is that of the bursts.
    private var usefulSize: Int {
        max(Self.silentSize, Int(min(shortest, 1_000_000_000) * Self.questionsPerMillisecond / 1_000_000))
    }

    private mutating func endRound(at now: ReactorInstant, _ isFull: Bool) {
        guard answered + lost >= size else { return }
        let elapsed = max(1, now.nanoseconds - roundStart)
        shortest = min(shortest, fastest)
        if lost > 0, lost * Self.toleratedLoss > answered {
            // Once a round, however much was lost: it went in one burst.
            size /= 2
            isStarting = false
        } else if isFull, fastest < .max {
            // Little's law: what stands in queues is the rate times the time spent there. A server that thinks for a
            // while about some names doesn't look like a queue, for the fastest answer of a round passed it by.
            let queue = Int64(answered) * (fastest - shortest) / elapsed
            let rate = Double(answered) / Double(elapsed)
            if rate < lastRate * Self.worthwhileGain { isStarting = false }
            lastRate = rate
            if queue > Self.longQueue {
                size -= size / 8
                isStarting = false
            } else if queue > Self.shortQueue {
                isStarting = false
            } else {
                let grown = size + (isStarting ? size : size / 8)
                size = max(size, min(grown, usefulSize))
            }
        }
        size = min(max(size, Self.smallestSize), Self.largestSize)
        roundStart = now.nanoseconds
        answered = 0
        lost = 0
        fastest = .max
    }
}
