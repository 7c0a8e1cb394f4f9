// The servers of a configuration, and in which order a question goes to them.

import BowlineReactor
import BowlineTransport

/// Whom a question asks, one after the other. A box, which all questions share as long as nothing changes.
final class ServerOrder {
    /// Those to ask in turn, then the probe, if there is one.
    let servers: [any QueryServer]
    /// How many are asked in turn.
    let count: Int
    /// Whether there is a server that failed a while ago; asked besides the first, so that nobody waits for it.
    let hasProbe: Bool

    init(servers: [any QueryServer], probe: (any QueryServer)? = nil) {
        self.servers = probe.map { servers + [$0] } ?? servers
        count = servers.count
        hasProbe = probe != nil
    }
}

@available(*, unavailable)
extension ServerOrder: Sendable {}

/// Says whom the next question asks: the servers of a configuration, or a script in a test.
protocol ServerSource: AnyObject {
    func order() -> ServerOrder
}

final class ServerList: ServerSource {
    let servers: [NameServer]
    /// The order of one server, or of none.
    private let onlyOrder: ServerOrder?
    private let rotates: Bool
    private var turn = 0

    /// - Parameter rotates: whether the servers that are well take turns at being the first (`rotate`).
    init(_ servers: [NameServer], rotates: Bool) {
        self.servers = servers
        onlyOrder = servers.count < 2 ? ServerOrder(servers: servers) : nil
        self.rotates = rotates
    }

    /// The order for the next question: as the configuration has it, but clearly faster servers before slower ones, and those
    /// that fail at the end.
    func order() -> ServerOrder {
        if let onlyOrder { return onlyOrder }
        var well: [NameServer] = []
        var failing: [NameServer] = []
        var probe: NameServer?
        for server in servers {
            if !server.record.health.isFailing {
                well.append(server)
            } else if probe == nil, server.takeProbe() {
                probe = server
            } else {
                failing.append(server)
            }
        }
        if rotates, !well.isEmpty {
            let first = turn % well.count
            turn &+= 1
            well = Array(well[first...] + well[..<first])
        } else {
            well = well.enumerated().sorted { ($0.element.slowness, $0.offset) < ($1.element.slowness, $1.offset) }
                .map(\.element)
        }
        // With nobody else to ask, a probe is the question itself.
        if well.isEmpty, let only = probe { return ServerOrder(servers: [only] + failing) }
        return ServerOrder(servers: well + failing, probe: probe)
    }
}

@available(*, unavailable)
extension ServerList: Sendable {}

extension NameServer {
    /// The round trip in powers of two of some milliseconds: what differs by less is equal, and the configuration's order
    /// counts. One that hasn't answered yet stands where it was put, before those that are far away.
    fileprivate var slowness: Int {
        let step: Int64 = 8_000_000
        let roundTrip = record.roundTrips.isMeasured ? record.roundTrips.smoothed : 100_000_000
        return Int64.bitWidth - (roundTrip / step).leadingZeroBitCount
    }
}
