// Servers that don't get through a handshake, or don't mean to.

import Bowline
import Testing

/// What a server answers a client's first message with.
struct HandshakeCase: Sendable, CustomTestStringConvertible {
    enum Ending {
        case closes, resets, stalls
    }

    let name: String
    var bytes: [UInt8] = []
    let ending: Ending
    var options: [String] = []
    let exit: CInt
    /// A part of the line on stderr.
    let words: String

    var testDescription: String { name }

    private static func alert(_ name: String, _ number: UInt8, _ words: String) -> HandshakeCase {
        HandshakeCase(
            name: "the alert \(name)", bytes: [21, 3, 3, 0, 2, 2, number], ending: .closes, exit: 35, words: words)
    }

    static let all: [HandshakeCase] = [
        .init(name: "closed", ending: .closes, exit: 35, words: "during the TLS handshake"),
        .init(name: "reset", ending: .resets, exit: 35, words: "Connection reset by peer"),
        .init(
            name: "silence up to the deadline", ending: .stalls, options: ["-m", "0.5"], exit: 28,
            words: "the TLS handshake was not done"),
        .init(
            name: "silence up to the end of the connection's budget", ending: .stalls,
            options: ["--connect-timeout", "0.5"], exit: 28, words: "the TLS handshake was not done"),
        .init(
            name: "half a message, and silence", bytes: [22, 3, 3, 0, 100, 2, 0], ending: .stalls,
            options: ["-m", "0.5"], exit: 28, words: "the TLS handshake was not done"),
        .init(
            name: "HTTP", bytes: Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8), ending: .closes, exit: 35,
            words: #"doesn't speak TLS: it says "HTTP/1.1 400 Bad Request""#),
        .init(
            name: "another protocol", bytes: Array("SSH-2.0-OpenSSH_9.2\r\n".utf8), ending: .stalls, exit: 35,
            words: #"doesn't speak TLS: it says "SSH-2.0-OpenSSH_9.2""#),
        .init(
            name: "a message of nonsense", bytes: [22, 3, 3, 0, 5] + Array("hello".utf8), ending: .closes, exit: 35,
            words: "the TLS connection failed"),
        alert("unrecognized_name", 112, "the alert unrecognized_name (112)"),
        alert("no_application_protocol", 120, "speaks none of the protocols that it was offered"),
        alert("internal_error", 80, "the alert internal_error (80)"),
        alert("protocol_version", 70, "no TLS version in common"),
    ]
}

/// Serves one.
final class HandshakeBreaker: Protocol {
    var transport: (any Transport)?
    private let testCase: HandshakeCase

    init(_ testCase: HandshakeCase) { self.testCase = testCase }

    func connectionMade() {}

    func dataReceived(_ bytes: RawSpan) {
        if !testCase.bytes.isEmpty { transport?.write(testCase.bytes) }
        switch testCase.ending {
        case .closes: transport?.loseConnection()
        case .resets: transport?.abortConnection()
        case .stalls: break
        }
    }

    func connectionLost(_ reason: ConnectionEnd) {}
}
