// What the tests of the server share: a server in memory, in virtual time, whose client is the test.

import Bowline
import BowlineTesting

/// A server with a clock that the test moves.
final class VirtualServer {
    let clock = ManualClock()
    let server: HTTPServer

    /// - Parameter answers: makes the answers; by default one that repeats method, target and body.
    init(
        _ options: HTTPServerOptions = HTTPServerOptions(),
        answers: @escaping (HTTPServerRequest) throws -> HTTPServerResponse = VirtualServer.echo
    ) {
        let log = Log()
        server = HTTPServer(clock: clock, options: options) { request in
            log.requests.append(request)
            return try answers(request)
        }
        server.wallClock = { 784_111_777 }
        self.log = log
    }

    /// - Parameter later: makes answers that come when the test says so.
    init(later: @escaping (HTTPServerRequest) -> Deferred<HTTPServerResponse>) {
        server = HTTPServer(clock: clock, answers: later)
        server.wallClock = { 784_111_777 }
        log = Log()
    }

    private final class Log { var requests: [HTTPServerRequest] = [] }
    private let log: Log

    /// The targets that were answered.
    var targets: [String] { log.requests.map(\.target) }
    var bodies: [String] { log.requests.map { String(decoding: $0.body, as: UTF8.self) } }

    static func echo(_ request: HTTPServerRequest) -> HTTPServerResponse {
        HTTPServerResponse("\(request.method) \(request.target) \(String(decoding: request.body, as: UTF8.self))")
    }

    /// A connection to the server; nil if it is declined.
    func connect() -> MemoryTransport? {
        guard let connection = server.buildProtocol(.ip(.v4(.loopback), port: 49152)) else { return nil }
        let transport = MemoryTransport(clock: clock)
        transport.start(connection)
        return transport
    }

    /// What the server sends for these bytes, delivered in portions.
    func exchange(_ bytes: some Sequence<UInt8>, portion: Int = .max) -> (text: String, state: MemoryTransport.State) {
        guard let transport = connect() else { return ("", .ended(.aborted)) }
        var rest = Array(bytes)[...]
        while !rest.isEmpty {
            transport.deliver(Array(rest.prefix(portion)))
            rest = rest.dropFirst(portion)
        }
        return (transport.takeWrittenText(), transport.state)
    }
}

/// The statuses of the responses in a text, in order.
func statuses(_ text: String) -> [Int] {
    text.matches(of: #/HTTP/1\.1 (\d\d\d) /#).compactMap { Int($0.1) }
}
