// One question sent to one server, from its sending to its reply. Made by the server when the question's turn has come, for
// thousands may wait in its line; carried by its channels.

import BowlineReactor

/// What came of asking a server.
enum ServerReply {
    /// What a packet that matches the question says.
    case answer(ServerAnswer)
    case failed(ServerFailure)
}

/// An answer on its way from c-ares to those who wait: a box, since it goes through many hands.
final class ServerAnswer {
    let message: DNSAnswer
    /// Whether it came over TCP.
    let isTCP: Bool

    init(_ message: DNSAnswer, isTCP: Bool) {
        self.message = message
        self.isTCP = isTCP
    }

    /// Reads what a packet says about a query.
    init(reading packet: RawSpan, for query: borrowing ServerQuery, isTCP: Bool) {
        message = DNSAnswer(reading: packet, name: query.name, type: query.type, letterCase: query.letterCase)
        self.isTCP = isTCP
    }
}

@available(*, unavailable)
extension ServerAnswer: Sendable {}

/// Why a server gave no answer.
enum ServerFailure: Error, Hashable, Sendable {
    /// Silence, after all sendings.
    case timeout
    /// Nobody listens there, the system can't reach it, or it breaks the connection.
    case unreachable
    /// What came could not be matched or read.
    case malformed
    /// The channel was closed, or nobody was interested any more.
    case cancelled
    /// No memory, or a name that c-ares refuses.
    case local(CInt)
    /// No socket can be had: too many open files.
    indirect case lacking(SystemError)
}

final class ServerQuery {
    /// How it is asked. What a server turns out not to understand is left out the next time.
    struct Manner: OptionSet {
        let rawValue: UInt8
        /// Over TCP from the start.
        static let overTCP = Manner(rawValue: 1)
        /// Without an OPT record, since the server disliked it.
        static let plain = Manner(rawValue: 2)
        /// The spelling that came back wasn't the one that was sent; asked once more.
        static let misspelt = Manner(rawValue: 4)
    }

    // In the order of their sizes: one is made for each question, and in this order it fits in 112 octets.
    let name: DomainName

    // @exclusivity(unchecked): no access lasts longer than its statement, and none of these statements calls a user.
    @exclusivity(unchecked) private var owner: Question?
    /// Which channel's c-ares holds this query; nil before and afterwards.
    @exclusivity(unchecked) var channel: AresChannel?
    /// The case of its name's letters on the wire. With the id and the channel's EDNS it says what left, octet for octet, so
    /// that isn't kept.
    @exclusivity(unchecked) private(set) var letterCase = LetterCase.small
    /// When it was first sent, and last.
    @exclusivity(unchecked) private(set) var startTime = ReactorInstant(nanoseconds: 0)
    @exclusivity(unchecked) private(set) var lastTime = ReactorInstant(nanoseconds: 0)
    @exclusivity(unchecked) private(set) var reply: ServerReply?
    let type: RecordType
    /// Its id on the wire.
    @exclusivity(unchecked) private(set) var id: UInt16 = 0
    let manner: Manner
    // No more than a few: see `NameServer.maximumSendings`.
    @exclusivity(unchecked) private var allSendings: UInt8
    @exclusivity(unchecked) private var sameTransport: UInt8
    /// Whether it left with an OPT record.
    @exclusivity(unchecked) var offersEDNS = false
    /// Whether it takes up room in its server's window.
    @exclusivity(unchecked) var isInWindow = false
    /// Whether its server has sent it and counts it among what is on its way.
    @exclusivity(unchecked) var isLive = false
    /// The socket that it left from; -1 before, and over TCP.
    @exclusivity(unchecked) var descriptor: Int32 = -1

    init(for owner: Question, _ manner: Manner = []) {
        let key = owner.key
        name = key.name
        type = key.type
        self.owner = owner
        self.manner = manner
        allSendings = 0
        sameTransport = 0
    }

    private init(replacing query: ServerQuery, in manner: Manner, owner: Question) {
        name = query.name
        type = query.type
        self.owner = owner
        self.manner = manner
        allSendings = query.allSendings
        sameTransport = UInt8(query.sendings(in: manner))
    }

    /// How often it was sent, those before it that it replaces included.
    var sendings: Int { Int(allSendings) }
    /// Whether somebody still listens.
    var isWanted: Bool { owner != nil }
    /// Whether nothing more is to come of it.
    var isOver: Bool { owner == nil || reply != nil }
    /// Whether it is asked over TCP.
    var usesTCP: Bool { manner.contains(.overTCP) }

    func forgetOwner() {
        owner = nil
    }

    /// Notes that it is being sent for the first time, and with what nobody else can know.
    func noteStart(at now: ReactorInstant, id: UInt16, _ letterCase: LetterCase) {
        self.id = id
        self.letterCase = letterCase
        startTime = now
        noteSending(at: now)
    }

    func noteSending(at now: ReactorInstant) {
        lastTime = now
        allSendings += 1
        sameTransport += 1
    }

    /// How often it was sent over the transport that it would use in a manner (RFC 9520, 3.1 bounds each by itself).
    func sendings(in manner: Manner) -> Int {
        manner.contains(.overTCP) == usesTCP ? Int(sameTransport) : 0
    }

    func end(_ reply: consuming ServerReply) {
        if self.reply == nil { self.reply = reply }
    }

    /// Tells the owner of the reply, once. Called in the delivery phase.
    func tellOwner() {
        guard reply != nil, let owner = owner.take(), let reply = reply.take() else { return }
        owner.queryEnded(self, reply)
    }

    /// Hands its owner over to a query that asks the same in another manner.
    func successor(in manner: Manner) -> ServerQuery? {
        guard let owner else { return nil }
        let successor = ServerQuery(replacing: self, in: manner, owner: owner)
        self.owner = nil
        owner.queryReplaced(self, by: successor)
        return successor
    }
}

@available(*, unavailable)
extension ServerQuery: Sendable {}

extension ServerQuery {
    /// The longest datagram: a header, a name of 255 octets, type, class and OPT.
    static let maximumOctets = DNSHeader.octets + DomainName.maximumWireOctets + 4 + optOctets
    private static let optOctets = 11

    /// Writes what leaves: always the same, however often it is sent.
    /// - Parameters:
    ///   - payload: the largest answer over UDP that is welcome, said in an OPT record; nil for none.
    ///   - buffer: with room for `maximumOctets`.
    /// - Returns: how many octets it takes.
    func write(payload: UInt16?, into buffer: UnsafeMutableRawBufferPointer) -> Int {
        func put(_ number: UInt16, at offset: Int) {
            buffer.storeBytes(of: number.bigEndian, toByteOffset: offset, as: UInt16.self)
        }
        put(id, at: 0)
        put(DNSHeader.Flags.recursionDesired.rawValue, at: 2)
        // One question, no answers and no authorities; OPT is the only additional record.
        put(1, at: 4)
        put(0, at: 6)
        put(0, at: 8)
        put(payload == nil ? 0 : 1, at: 10)
        var end = DNSHeader.octets
        end += name.write(letterCase, into: UnsafeMutableRawBufferPointer(rebasing: buffer[end...]))
        put(type.rawValue, at: end)
        put(WireRecord.internet, at: end + 2)
        end += 4
        guard let payload else { return end }
        // The root, OPT, what is welcome; no flags and no options (RFC 6891, 6.1.2).
        buffer[end] = 0
        put(RecordType.opt.rawValue, at: end + 1)
        put(payload, at: end + 3)
        put(0, at: end + 5)
        put(0, at: end + 7)
        put(0, at: end + 9)
        return end + Self.optOctets
    }
}
