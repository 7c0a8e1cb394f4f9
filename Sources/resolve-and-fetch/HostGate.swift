// Many targets of one host don't all begin at once: a server takes that for an attack, and those of other hosts would wait behind
// them. What can't begin yet stands aside, and others go first.

import Bowline
import DequeModule

final class HostGate {
    /// So many stand aside, and then nothing more is read: a list may be longer than memory.
    private static let heldLimit = 4_096

    private let limit: Int
    private let source: () -> Batch<String>.Next
    /// How many targets of a host run.
    private var running: [String: Int] = [:]
    /// Those that stand aside, by host, with the order in which they came.
    private var held: [String: Deque<(number: Int, target: String)>] = [:]
    private var heldCount = 0
    private var number = 0
    /// Those whose turn has come.
    private var admitted: Deque<String> = []

    /// - Parameters:
    ///   - limit: how many targets of one host may run at the same time.
    ///   - source: gives the targets, in their order.
    init(limit: Int, _ source: @escaping () -> Batch<String>.Next) {
        self.limit = limit
        self.source = source
    }

    /// The next target that may begin.
    func next() -> Batch<String>.Next {
        if let target = admitted.popFirst() { return .job(target) }
        while heldCount < Self.heldLimit {
            switch source() {
            case .job(let target):
                let host = Self.host(of: target)
                if running[host, default: 0] < limit {
                    running[host, default: 0] += 1
                    return .job(target)
                }
                held[host, default: []].append((number, target))
                heldCount += 1
                number += 1
            case .later: return .later
            case .end: return heldCount == 0 ? .end : .later
            }
        }
        return .later
    }

    /// A target is over: one that waits for that may begin.
    func finished(_ target: String) {
        let host = Self.host(of: target)
        if let next = held[host]?.popFirst() {
            heldCount -= 1
            admitted.append(next.target)
            if held[host]?.isEmpty == true { held[host] = nil }
        } else if let count = running[host] {
            running[host] = count > 1 ? count - 1 : nil
        }
    }

    /// The next that stood aside when everything was over; nil if there is none.
    func nextUnstarted() -> String? {
        if let target = admitted.popFirst() { return target }
        guard let host = held.min(by: { ($0.value.first?.number ?? 0) < ($1.value.first?.number ?? 0) })?.key
        else { return nil }
        let next = held[host]?.popFirst()
        if held[host]?.isEmpty == true { held[host] = nil }
        return next?.target
    }

    /// What is no target is its own host: it is over at once.
    private static func host(of target: String) -> String {
        (try? HTTPURL(target: target))?.host.description ?? target
    }
}
