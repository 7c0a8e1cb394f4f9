// The channels to one server, and so the ports that questions to it leave from. Its server asks it for a channel for each query,
// and lets it tidy up in the delivery phase, when no frame of c-ares is on the stack.

import BowlineReactor
import BowlineTransport

final class ChannelPool {
    /// The sockets, and so the ports, that share the questions in flight (RFC 5452, 9.2).
    private static let portCount = 4
    /// A port is used for so many questions, then another takes its place.
    private static let questionsPerPort = 20_000
    /// So many queries that nobody wants may c-ares hold beside others, then a new channel takes its place.
    private static let unwantedLimit = 1_000

    private let address: SocketAddress
    private unowned let reactor: Reactor

    // @exclusivity(unchecked): no access lasts longer than its statement, and none of these statements calls a user.
    @exclusivity(unchecked) private var channels: [AresChannel] = []
    @exclusivity(unchecked) private var streamChannel: AresChannel?
    /// Channels that get no new queries and go when theirs have ended.
    @exclusivity(unchecked) private var retired: [AresChannel] = []
    /// The channel of this turn: what leaves in one turn leaves from one port, in one system call.
    @exclusivity(unchecked) private var turnChannel = 0

    init(to address: SocketAddress, reactor: Reactor) {
        self.address = address
        self.reactor = reactor
    }

    /// A channel for a query, or nil if c-ares can make none.
    /// - Parameters:
    ///   - owner: whom the channel tells; always the same, for whom this pool is.
    ///   - bits: decides about the port, once a turn.
    func channel(
        for owner: any AresChannelOwner, overTCP: Bool, usesEDNS: Bool, _ bits: inout RandomBits
    ) -> AresChannel? {
        if overTCP {
            if streamChannel == nil { streamChannel = make(for: owner, overTCP: true, usesEDNS) }
            return streamChannel
        }
        // What waits for the end of the turn has this turn's channel.
        if turnChannel >= channels.count || !channels[turnChannel].isFlushQueued {
            turnChannel = Int(bits.next() % UInt64(Self.portCount))
        }
        // Made one after the other: who asks little needs no more than one.
        if turnChannel >= channels.count {
            turnChannel = channels.count
            guard let made = make(for: owner, overTCP: false, usesEDNS) else { return nil }
            channels.append(made)
        }
        let channel = channels[turnChannel]
        let isWorn =
            channel.started >= Self.questionsPerPort || channel.held - channel.wanted > Self.unwantedLimit
            || channel.usesEDNS != usesEDNS
        guard isWorn, let made = make(for: owner, overTCP: false, usesEDNS) else { return channel }
        retired.append(channel)
        channels[turnChannel] = made
        return made
    }

    private func make(for owner: any AresChannelOwner, overTCP: Bool, _ usesEDNS: Bool) -> AresChannel? {
        try? AresChannel(asking: address, overTCP: overTCP, usesEDNS: usesEDNS, owner: owner, reactor: reactor)
    }

    /// Lets go of what holds nothing that anybody wants.
    func tidy() {
        for channel in channels { channel.cancelUnwanted() }
        streamChannel?.cancelUnwanted()
        guard !retired.isEmpty else { return }
        for channel in retired { channel.cancelUnwanted() }
        retired.removeAll { $0.held == 0 }
    }

    /// Destroys all channels. Called from the loop, never from inside c-ares.
    func close() {
        for channel in channels + retired { channel.close() }
        streamChannel?.close()
        channels = []
        streamChannel = nil
        retired = []
    }
}

@available(*, unavailable)
extension ChannelPool: Sendable {}
