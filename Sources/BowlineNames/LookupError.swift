// Why a name has no addresses: one error for every way in which a lookup fails, with the evidence. Made by the resolver,
// kept by the cache while a failure lasts, printed by everybody.

import BowlineReactor
public import BowlineTransport
import Glibc

/// A lookup that failed.
///
/// ```swift
/// reactor.resolver.lookup("nowhere.test").onFailure { error in
///     guard let error = error as? LookupError else { return }
///     print(error)                                      // no such name: nowhere.test (NXDOMAIN from 192.0.2.53:53); …
///     print(error.kind == .nxdomain, error.attempts)
/// }
/// ```
public struct LookupError: Error, Hashable, Sendable {
    /// What went wrong. The raw value is the code that commands and logs print.
    public enum Kind: String, Hashable, Sendable, CaseIterable {
        /// The name doesn't exist.
        case nxdomain
        /// The name exists, but has no record of the types asked.
        case nodata
        /// Every server failed: SERVFAIL, or another code that gives no answer; `responseCode` has it.
        case servfail
        /// Every server refuses to answer us.
        case refused
        /// No server is configured, or none can be reached.
        case noServer = "no-server"
        /// No server answered in time.
        case timeout
        /// What the servers sent is no answer to the question.
        case malformed
        /// Whoever asked has lost interest.
        case cancelled
    }

    /// What one server did.
    public struct ServerReport: Hashable, Sendable {
        /// The server.
        public var server: SocketAddress
        /// How asking it ended.
        public var kind: Kind
        /// The code it answered with, if it did.
        public var responseCode: ResponseCode?
        /// More, in words: a system error, what is malformed. Empty if there is nothing to say.
        public var detail: String

        /// Creates a report.
        public init(server: SocketAddress, kind: Kind, responseCode: ResponseCode? = nil, detail: String = "") {
            self.server = server
            self.kind = kind
            self.responseCode = responseCode
            self.detail = detail
        }
    }

    /// What went wrong.
    public var kind: Kind
    /// The name asked: the one that was given, or of several candidates the one that says most.
    public var name: DomainName
    /// Where the name's aliases (CNAME) lead, if it has any: what is said of the name is said of this.
    public var target: DomainName?
    /// What else the name could have meant, by the search list, and didn't.
    public var searched: [DomainName] = []
    /// The types asked.
    public var types: [RecordType]
    /// Where the verdict comes from.
    public var source: AnswerSource
    /// The response code that decided, if there was an answer.
    public var responseCode: ResponseCode?
    /// What the servers say about the reason (RFC 8914).
    public var extendedErrors: [ExtendedError]
    /// Each server asked, in order.
    public var servers: [ServerReport]
    /// How many questions were sent in all.
    public var attempts: Int
    /// How long it took; nil if nothing was asked.
    public var elapsed: Duration?
    /// What each type came to, where the error sums up several.
    public var questions: [TypeAnswer] = []

    /// Creates an error.
    public init(
        _ kind: Kind, name: DomainName, types: [RecordType], source: AnswerSource = .network,
        responseCode: ResponseCode? = nil, extendedErrors: [ExtendedError] = [], servers: [ServerReport] = [],
        attempts: Int = 0, elapsed: Duration? = nil
    ) {
        self.kind = kind
        self.name = name
        self.types = types
        self.source = source
        self.responseCode = responseCode
        self.extendedErrors = extendedErrors
        self.servers = servers
        self.attempts = attempts
        self.elapsed = elapsed
    }
}

extension LookupError: CustomStringConvertible {
    /// One line: what happened, who said so, and what to do where there is something to do.
    public var description: String {
        var text = whatHappened
        if !evidence.isEmpty { text += " (\(evidence))" }
        if !searched.isEmpty { text += "; also tried \(Self.list(searched.map(\.description), "and"))" }
        for error in extendedErrors { text += "; the server says: \(error)" }
        if let advice { text += "; \(advice)" }
        return text
    }

    private var whatHappened: String {
        switch kind {
        case .nxdomain: "no such name: \(target.map { "\($0), which \(name) is an alias of" } ?? "\(name)")"
        case .nodata where source == .literal:
            "\(name) is an IPv\(IPv4Address(name.text) == nil ? 6 : 4) address, and has no "
                + "\(Self.list(types.map(\.description), "or")) record"
        case .nodata where target != nil:
            "\(name) is an alias of \(target ?? name), which has no "
                + "\(Self.list(types.map(\.description), "or")) record"
        case .nodata: "\(name) exists but has no \(Self.list(types.map(\.description), "or")) record"
        case .servfail: "the lookup of \(name) failed at the DNS server"
        case .refused: "the DNS server refuses to look up \(name)"
        case .noServer:
            servers.isEmpty ? "no DNS server to ask for \(name)" : "no DNS server can be reached to look up \(name)"
        case .timeout: "no answer to the lookup of \(name)\(elapsed.map { " within \($0.inWords)" } ?? "")"
        case .malformed: "the DNS server's answer for \(name) is malformed"
        case .cancelled: "the lookup of \(name) was cancelled"
        }
    }

    private var evidence: String {
        guard source == .network || source == .cache || source == .stale else {
            switch source {
            case .special: return "a special name, answered here"
            case .hosts: return "from the hosts file"
            default: return ""
            }
        }
        var parts = servers.map { report in
            let code = report.responseCode.map { "\($0) from " } ?? ""
            return "\(code)\(report.server)\(report.detail.isEmpty ? "" : ": \(report.detail)")"
        }
        if parts.isEmpty, let responseCode, kind != .nodata { parts.append("\(responseCode)") }
        if attempts > 1 { parts.append("\(attempts) attempts") }
        if source != .network { parts.append("from the cache") }
        return parts.joined(separator: ", ")
    }

    private var advice: String? {
        switch kind {
        case .nxdomain: source == .special || target != nil ? nil : "check the spelling"
        case .servfail: "try again later, or ask another server"
        case .refused: "ask a server that serves this network"
        case .noServer where servers.contains { $0.detail == SystemError.text(of: EMFILE) }:
            "raise the limit of open files (ulimit -n), or look up fewer names at once"
        case .noServer, .timeout: "check that the server is right and reachable"
        case .nodata, .malformed, .cancelled: nil
        }
    }

    private static func list(_ words: [String], _ conjunction: String) -> String {
        guard let last = words.last, words.count > 1 else { return words.first ?? "such" }
        return "\(words.dropLast().joined(separator: ", ")) \(conjunction) \(last)"
    }
}
