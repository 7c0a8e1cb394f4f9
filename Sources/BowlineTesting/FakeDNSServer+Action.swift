// What a fake server can do with a question: the right thing, and everything that real servers, networks and forgers do.

public import Bowline

extension FakeDNSServer {
    /// What comes of a question.
    ///
    /// ```swift
    /// let right = FakeDNSServer.Reply(addresses: [.v4(.loopback)])
    /// let wrong = FakeDNSServer.Reply(addresses: [.v4(.any)])
    /// let race = FakeDNSServer.Action.sequence([
    ///     .forged(.id, wrong), .delayed(by: .milliseconds(50), .reply(right)),
    /// ])
    /// ```
    public indirect enum Action: Sendable {
        /// A reply, composed for the question.
        case reply(Reply)
        /// Exactly these octets; over TCP with their length before them.
        case raw([UInt8])
        /// A reply with something wrong about it.
        case forged(Forgery, Reply)
        /// Over UDP an empty answer that says it was cut short (TC); over TCP what is given here.
        case truncated(overTCP: Action)
        /// Nothing.
        case drop
        /// Something, later.
        case delayed(by: Duration, Action)
        /// Several things, one after the other.
        case sequence([Action])
        /// Over TCP, so many octets at a time, each in a turn of its own. Over UDP, no different.
        case pieces(of: Int, Action)
        /// The first half of the reply only; over TCP, followed by this ending.
        case half(Action, then: Ending)
        /// Over TCP, kept back until so many replies are there, which then leave in one segment. Over UDP, no different.
        case together(Int, Action)
        /// Over TCP, the connection is closed in order. Over UDP, nothing.
        case close
        /// Over TCP, the connection is reset. Over UDP, nothing.
        case reset
    }

    /// How a connection goes on after half a reply.
    public enum Ending: Hashable, Sendable {
        /// It stands, and nothing more comes.
        case silence
        /// It is closed in order.
        case close
        /// It is reset, 10 ms later.
        case reset
    }

    /// What is wrong about a forged reply.
    public enum Forgery: Hashable, Sendable, CaseIterable {
        /// Its id is another.
        case id
        /// It answers the question for another name.
        case name
        /// It answers the question for another type.
        case type
        /// It repeats the question with the case of its letters changed.
        case spelling
        /// It repeats no question.
        case noQuestion
        /// It says that it is a question.
        case notAResponse
        /// It comes from another port of the server's address. Over TCP, nothing is wrong.
        case port
        /// It comes from another address, 127.0.0.2, and the server's port; from another port where the server's
        /// address isn't IPv4. Over TCP, nothing is wrong.
        case address

        /// Where the reply comes from, if not from the server.
        func origin(of server: SocketAddress) -> SocketAddress? {
            guard case .ip(let address, let port) = server else { return nil }
            switch (self, address) {
            case (.address, .v4): return .ip(.v4(IPv4Address(127, 0, 0, 2)), port: port)
            case (.address, .v6), (.port, _): return .ip(address, port: 0)
            default: return nil
            }
        }
    }
}

extension FakeDNSServer.Action {
    /// Those of the addresses that are of the type asked for, or NODATA if none is.
    ///
    /// - Parameter ttl: in seconds, any number.
    public static func addresses(_ addresses: [IPAddress], ttl: UInt32 = 60) -> Self {
        .reply(FakeDNSServer.Reply(addresses: addresses, ttl: ttl))
    }

    /// These records, whatever was asked.
    public static func records(_ records: [FakeDNSServer.Record]) -> Self {
        var reply = FakeDNSServer.Reply()
        reply.answers = records
        return .reply(reply)
    }

    /// A chain of aliases from the name asked through `names` to the last of them, which has the addresses.
    ///
    /// - Parameters:
    ///   - ttl: of the addresses, in seconds.
    ///   - aliasTTL: of each alias, in seconds.
    public static func aliases(
        _ names: [String], _ addresses: [IPAddress], ttl: UInt32 = 60, aliasTTL: UInt32 = 60
    ) -> Self {
        .reply(FakeDNSServer.Reply(addresses: addresses, ttl: ttl, aliases: names, aliasTTL: aliasTTL))
    }

    /// NXDOMAIN.
    ///
    /// - Parameter minimum: the TTL and the minimum of the SOA record, in seconds; nil for no such record.
    public static func nxdomain(minimum: UInt32? = 60) -> Self {
        .reply(FakeDNSServer.Reply(code: .nxdomain, minimum: minimum))
    }

    /// No error, and no records.
    ///
    /// - Parameter minimum: the TTL and the minimum of the SOA record, in seconds; nil for no such record.
    public static func nodata(minimum: UInt32? = 60) -> Self {
        .reply(FakeDNSServer.Reply(minimum: minimum))
    }

    /// A response code with nothing else but the question, and the server's explanation where there is one.
    public static func code(_ code: ResponseCode, _ explanation: ExtendedError? = nil) -> Self {
        var reply = FakeDNSServer.Reply(code: code)
        if let explanation { reply.extendedErrors = [explanation] }
        return .reply(reply)
    }

    /// A response code in a header, and nothing else: so do servers that can't read the question.
    public static func header(_ code: ResponseCode) -> Self {
        var reply = FakeDNSServer.Reply(code: code)
        reply.repeatsQuestion = false
        reply.hasEDNS = false
        return .reply(reply)
    }
}
