// One question sent to one server, from its queue to its reply. Made by a question in flight, carried by a channel.

import BowlineReactor

/// What came of asking a server.
enum ServerReply {
    /// A packet that matches the question; not read yet.
    case packet([UInt8], isTCP: Bool)
    case failed(ServerFailure)
}

/// Why a server gave no packet.
package enum ServerFailure: Error, Hashable, Sendable {
    /// Silence, after all sendings.
    case timeout
    /// Nobody listens there (ICMP), or the system can't reach it.
    case unreachable
    /// What came could not be matched or read.
    case malformed
    /// The channel was closed, or nobody was interested any more.
    case cancelled
    /// No memory, no descriptor, or a name that c-ares refuses.
    case local(CInt)
}

/// Told what came of a query, in the delivery phase.
protocol ServerQueryOwner: AnyObject {
    func queryEnded(_ query: ServerQuery, _ reply: ServerReply)
}

final class ServerQuery {
    enum State {
        case waiting, inFlight, ended
    }

    /// The name as it is put on the wire.
    let spelling: String
    let type: RecordType
    /// Whether the owner still listens. Only the channel ends that.
    var isWanted = true
    private(set) var state = State.waiting
    private(set) var startTime = ReactorInstant(nanoseconds: 0)
    private(set) var channel: AresChannel?
    private var owner: (any ServerQueryOwner)?
    private var reply: ServerReply?

    init(_ name: DomainName, _ type: RecordType, owner: any ServerQueryOwner) {
        spelling = name.text
        self.type = type
        self.owner = owner
    }

    func begin(on channel: AresChannel, at now: ReactorInstant) {
        state = .inFlight
        startTime = now
        self.channel = channel
    }

    func end(_ reply: ServerReply) {
        state = .ended
        self.reply = reply
    }
}

extension ServerQuery: TurnDelivery {
    func deliver() {
        let owner = self.owner
        self.owner = nil
        // Ended queries left room: those that wait for it are started before anybody reacts to this one.
        channel?.startWaiting()
        channel = nil
        guard isWanted, let reply, let owner else { return }
        owner.queryEnded(self, reply)
    }
}

@available(*, unavailable)
extension ServerQuery: Sendable {}
