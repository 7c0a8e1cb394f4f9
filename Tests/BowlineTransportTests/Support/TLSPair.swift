// Two ends of TLS in memory, in virtual time.

import Bowline
import BowlineTesting
import Testing

final class TLSPair {
    let clock = ManualClock()
    let client = AccumulatingHalfCloseableProtocol()
    let server = AccumulatingHalfCloseableProtocol()
    let clientContext: TLSContext
    let serverContext: TLSContext
    private(set) var pump: MemoryPump
    private(set) var clientOutcome: Result<TLSInfo, TLSError>?
    private(set) var serverOutcome: Result<TLSInfo, TLSError>?

    /// - Parameter portion: at most so many bytes are delivered at once.
    init(
        name: String = "h.test", portion: Int = .max,
        client change: (inout TLSClientConfiguration) throws -> Void = { _ in },
        server changeServer: (inout TLSServerConfiguration) throws -> Void = { _ in }
    ) throws {
        var clientConfiguration = try TLSFixture.clientConfiguration()
        try change(&clientConfiguration)
        var serverConfiguration = try TLSFixture.serverConfiguration()
        try changeServer(&serverConfiguration)
        clientContext = try TLSContext(client: clientConfiguration, clock: clock)
        serverContext = try TLSContext(server: serverConfiguration, clock: clock)
        pump = MemoryPump(MemoryTransport(clock: clock), MemoryTransport(clock: clock), portion: portion, clock: clock)
        start(name)
    }

    /// Connects once more with the same contexts and new ends.
    static func again(_ pair: TLSPair, name: String = "h.test") -> TLSPair { TLSPair(contextsOf: pair, name) }

    private init(contextsOf other: TLSPair, _ name: String) {
        clientContext = other.clientContext
        serverContext = other.serverContext
        pump = MemoryPump(MemoryTransport(clock: clock), MemoryTransport(clock: clock), clock: clock)
        start(name)
    }

    private func start(_ name: String) {
        let serverEnd = TLSConnection(serverContext, name: nil) { [unowned self] result in
            serverOutcome = result
            return server
        }
        let clientEnd = TLSConnection(clientContext, name: name) { [unowned self] result in
            clientOutcome = result
            return client
        }
        serverEnd.limitHandshake(to: serverContext.handshakeTimeout)
        pump.server.start(serverEnd)
        pump.client.start(clientEnd)
    }

    func run(_ duration: Duration = .milliseconds(10)) { clock.advance(by: duration) }

    /// Why the client's handshake failed.
    var clientFailure: TLSError? { if case .failure(let error) = clientOutcome { error } else { nil } }
    var serverFailure: TLSError? { if case .failure(let error) = serverOutcome { error } else { nil } }
    var clientInfo: TLSInfo? { try? clientOutcome?.get() }
    var serverInfo: TLSInfo? { try? serverOutcome?.get() }
}
