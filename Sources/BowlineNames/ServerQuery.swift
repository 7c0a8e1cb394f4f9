// One question sent to one server, from its queue to its reply. Made by a question in flight, carried by a channel.

import BowlineReactor

/// What came of asking a server.
enum ServerReply {
    /// A packet that matches the question; not read yet.
    case packet([UInt8], isTCP: Bool)
    case failed(ServerFailure)
}

/// Why a server gave no packet.
enum ServerFailure: Error, Hashable, Sendable {
    /// Silence, after all sendings.
    case timeout
    /// Nobody listens there, the system can't reach it, or it breaks the connection.
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
    /// The name as it is put on the wire.
    let spelling: String
    let type: RecordType
    /// The channel whose c-ares holds this query; nil before and afterwards.
    var channel: AresChannel?
    /// When it was last sent off, and how often it was; what is sent again because it was lost doesn't count.
    private(set) var startTime = ReactorInstant(nanoseconds: 0)
    private(set) var sendings = 0
    private(set) var reply: ServerReply?
    private var owner: (any ServerQueryOwner)?

    init(_ name: DomainName, _ type: RecordType, owner: any ServerQueryOwner) {
        spelling = name.text
        self.type = type
        self.owner = owner
    }

    /// Whether somebody still listens.
    var isWanted: Bool { owner != nil }

    func forgetOwner() {
        owner = nil
    }

    func begin(at now: ReactorInstant) {
        startTime = now
        sendings += 1
    }

    func end(_ reply: ServerReply) {
        self.reply = reply
    }

    /// Tells the owner of the reply, once. Called in the delivery phase.
    func tellOwner() {
        guard let owner, let reply else { return }
        self.owner = nil
        owner.queryEnded(self, reply)
    }
}

@available(*, unavailable)
extension ServerQuery: Sendable {}
