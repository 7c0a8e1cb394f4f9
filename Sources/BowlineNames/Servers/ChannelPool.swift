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

    /// What c-ares decides for a whole channel, and the channels that are so.
    private struct Manner {
        let usesEDNS: Bool
        var channels: [AresChannel] = []
        var stream: AresChannel?
    }

    // @exclusivity(unchecked): no access lasts longer than its statement, and none of these statements calls a user.
    @exclusivity(unchecked) private var offering = Manner(usesEDNS: true)
    /// For a server that doesn't know EDNS, and for a question that is asked again without.
    @exclusivity(unchecked) private var plain = Manner(usesEDNS: false)
    /// Channels that get no new queries and go when theirs have ended.
    @exclusivity(unchecked) private var retired: [AresChannel] = []
    /// The channel of this turn: what leaves in one turn leaves from one port, in one system call.
    @exclusivity(unchecked) private var turnChannel = 0

    init(to address: SocketAddress, reactor: Reactor) {
        self.address = address
        self.reactor = reactor
    }

    /// What a query travels on.
    enum Transport {
        case datagrams
        /// A TCP connection, with others on it.
        case stream
        /// A TCP connection for this query alone.
        case ownStream
    }

    /// A channel for a query, or nil if c-ares can make none.
    /// - Parameters:
    ///   - owner: whom the channel tells; always the same, for whom this pool is.
    ///   - bits: decides about the port, once a turn.
    func channel(
        for owner: any AresChannelOwner, _ transport: Transport, usesEDNS: Bool, _ bits: inout RandomBits
    ) -> AresChannel? {
        usesEDNS
            ? channel(for: owner, of: &offering, transport, &bits) : channel(for: owner, of: &plain, transport, &bits)
    }

    private func channel(
        for owner: any AresChannelOwner, of manner: inout Manner, _ transport: Transport, _ bits: inout RandomBits
    ) -> AresChannel? {
        switch transport {
        case .datagrams:
            return channel(for: owner, of: &manner, &bits)
        case .stream:
            if manner.stream == nil { manner.stream = make(for: owner, overTCP: true, manner.usesEDNS) }
            return manner.stream
        case .ownStream:
            guard let made = make(for: owner, overTCP: true, manner.usesEDNS) else { return nil }
            retired.append(made)
            return made
        }
    }

    private func channel(
        for owner: any AresChannelOwner, of manner: inout Manner, _ bits: inout RandomBits
    ) -> AresChannel? {
        // What waits for the end of the turn has this turn's channel.
        if turnChannel >= manner.channels.count || !manner.channels[turnChannel].isFlushQueued {
            turnChannel = Int(bits.next() % UInt64(Self.portCount))
        }
        // Made one after the other: who asks little needs no more than one.
        if turnChannel >= manner.channels.count {
            turnChannel = manner.channels.count
            guard let made = make(for: owner, overTCP: false, manner.usesEDNS) else { return nil }
            manner.channels.append(made)
            return made
        }
        let channel = manner.channels[turnChannel]
        let isWorn =
            channel.started >= Self.questionsPerPort || channel.held - channel.wanted > Self.unwantedLimit
        guard isWorn, let made = make(for: owner, overTCP: false, manner.usesEDNS) else { return channel }
        retired.append(channel)
        manner.channels[turnChannel] = made
        return made
    }

    private func make(for owner: any AresChannelOwner, overTCP: Bool, _ usesEDNS: Bool) -> AresChannel? {
        try? AresChannel(asking: address, overTCP: overTCP, usesEDNS: usesEDNS, owner: owner, reactor: reactor)
    }

    /// Lets go of what holds nothing that anybody wants.
    func tidy() {
        tidy(offering)
        tidy(plain)
        guard !retired.isEmpty else { return }
        for channel in retired { channel.cancelUnwanted() }
        retired.removeAll { $0.held == 0 }
    }

    private func tidy(_ manner: Manner) {
        for channel in manner.channels { channel.cancelUnwanted() }
        manner.stream?.cancelUnwanted()
    }

    /// Closes the sockets that no query needs.
    func closeIdle() {
        for channel in offering.channels { channel.closeIdle() }
        for channel in plain.channels { channel.closeIdle() }
    }

    /// Destroys all channels. Called from the loop, never from inside c-ares.
    func close() {
        for channel in offering.channels + plain.channels + retired { channel.close() }
        offering.stream?.close()
        plain.stream?.close()
        offering = Manner(usesEDNS: true)
        plain = Manner(usesEDNS: false)
        retired = []
    }
}

@available(*, unavailable)
extension ChannelPool: Sendable {}
