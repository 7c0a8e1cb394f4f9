// How every comparison is measured: the two sides in alternation (A B A B …), because an absolute figure means nothing
// on a machine that others use too. What is reported is the median of the pairs' ratios.

import Glibc

/// One case of a bench, and how to measure each side of it.
struct Comparison {
    enum Better {
        /// Rates: the ratio is ours ÷ reference.
        case higher
        /// Costs: the ratio is reference ÷ ours.
        case lower
    }

    let bench: String
    let name: String
    let unit: String
    let better: Better
    /// The ratio that Bowline must reach; see Budget.swift.
    let target: Double?
    let referenceName: String
    let ours: Side
    let reference: Side
    var pairs = 5
    /// Seconds between two runs, for the system to get rid of what the last one left.
    var pause: UInt32 = 0

    func run() -> Row {
        var row = Row(
            bench: bench, name: name, unit: unit, referenceName: referenceName, target: target, runs: pairs,
            note: [ours.obstacle, reference.obstacle].compactMap(\.self).first)
        var figures: [(ours: Double?, reference: Double?)] = []
        do {
            for _ in 0..<pairs where !(ours.obstacle != nil && reference.obstacle != nil) {
                let first = try ours.measure()
                sleep(pause)
                let second = try reference.measure()
                sleep(pause)
                figures.append((first, second))
            }
        } catch {
            row.failure = "\(error)"
            return row
        }
        row.ours = median(figures.compactMap(\.ours))
        row.reference = median(figures.compactMap(\.reference))
        row.ratio = median(
            figures.compactMap { pair in
                guard let ours = pair.ours, let reference = pair.reference else { return nil }
                return better == .higher ? ours / reference : reference / ours
            })
        return row
    }
}

/// One side of a comparison.
enum Side {
    /// Gives the figure of one run, in the comparison's unit.
    case measured(() throws -> Double)
    /// Can't be measured here, and why.
    case missing(String)

    /// A program that prints `rate=FIGURE`.
    static func program(_ words: [String]) -> Side {
        guard Program.isInstalled(words[0]) else { return .missing("\(words[0]) is not installed") }
        return .measured { try Program.rate(words) }
    }

    /// A program of Tools/Bench/Peers, which are built on request only.
    static func peer(_ words: [String]) -> Side {
        guard Program.isInstalled(words[0]) else {
            return .missing("not built: swift build --configuration release --package-path Tools/Bench/Peers")
        }
        return .program(words)
    }

    fileprivate var obstacle: String? {
        if case .missing(let why) = self { why } else { nil }
    }

    fileprivate func measure() throws -> Double? {
        if case .measured(let figure) = self { try figure() } else { nil }
    }
}

/// The middle of some figures; the mean of the two middle ones where their number is even.
func median(_ figures: [Double]) -> Double? {
    guard !figures.isEmpty else { return nil }
    let sorted = figures.sorted()
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/// Nanoseconds that `body` takes by the monotonic clock.
func nanoseconds(_ body: () throws -> Void) rethrows -> Double {
    let start = ContinuousClock.now
    try body()
    let taken = (ContinuousClock.now - start).components
    return Double(taken.seconds) * 1e9 + Double(taken.attoseconds) / 1e9
}
