// TLS that begins on a live connection, on both sides.

import Bowline
import BowlineTesting
import TestSupport
import Testing

/// Speaks lines, and starts TLS when told to.
private final class Upgrading: LineReceiver {
    var lines: [String] = []
    var onLine: ((Upgrading, String) -> Void)?
    var end: ConnectionEnd?
    var outcome: Result<TLSInfo, TLSError>?

    override func lineReceived(_ line: RawSpan) {
        let text = String(decoding: line.withUnsafeBytes { Array($0) }, as: UTF8.self)
        lines.append(text)
        onLine?(self, text)
    }

    override func connectionLost(_ reason: ConnectionEnd) { end = reason }

    func secure(_ context: TLSContext, _ name: String? = nil) {
        transport?.startTLS(context, serverName: name).addBoth { [weak self] result in
            switch result {
            case .success(let info): self?.outcome = .success(info)
            case .failure(let error as TLSError): self?.outcome = .failure(error)
            case .failure(let error): Issue.record(error)
            }
        }
    }
}

@Suite(.enabled(if: Certificates.canBeMade, "openssl is not installed"))
struct StartTLSTests {
    @Test("both ends go on over TLS, with what was written before and after")
    func upgrade() throws {
        let clock = ManualClock()
        let (client, server) = (Upgrading(), Upgrading())
        let (clientContext, serverContext) = (try TLSFixture.client(clock), try TLSFixture.server(clock))
        server.onLine = { server, line in
            guard line == "STARTTLS" else {
                server.sendLine("echo \(line)")
                return
            }
            server.sendLine("go ahead")
            server.secure(serverContext)
            server.sendLine("welcome")
        }
        client.onLine = { client, line in
            guard line == "go ahead" else { return }
            client.secure(clientContext, "h.test")
            client.sendLine("secret")
        }
        let pump = MemoryPump.joining(client: client, server: server, clock: clock)
        client.sendLine("STARTTLS")
        clock.advance(by: .milliseconds(10))
        #expect(client.lines == ["go ahead", "welcome", "echo secret"])
        #expect(server.lines == ["STARTTLS", "secret"])
        #expect((try? client.outcome?.get())?.isVerified == true)
        #expect((try? server.outcome?.get())?.serverName == "h.test")
        #expect(client.transport?.tls != nil)
        client.transport?.loseConnection()
        clock.advance(by: .milliseconds(10))
        #expect(client.end == .done)
        #expect(server.end == .done)
        _ = pump
    }

    @Test("commands that came behind STARTTLS in plain text are refused", arguments: [true, false])
    func injection(atOnce: Bool) throws {
        let clock = ManualClock()
        let server = Upgrading()
        let context = try TLSFixture.server(clock)
        server.onLine = { server, line in
            guard line == "STARTTLS" else { return }
            server.sendLine("go ahead")
            server.secure(context)
        }
        let transport = MemoryTransport(clock: clock)
        transport.start(server)
        if atOnce {
            transport.deliver("STARTTLS\r\nDELETE everything\r\n")
        } else {
            transport.deliver("STARTTLS\r\n")
            transport.deliver("DELETE everything\r\n")
        }
        clock.advance(by: .milliseconds(10))
        #expect(server.lines == ["STARTTLS"])
        guard case .failure(let error)? = server.outcome else {
            Issue.record("the handshake was not refused")
            return
        }
        #expect(error.kind == (atOnce ? .earlyBytes : .notTLS))
        #expect(server.end == .tls(error))
    }

    @Test("on a connection that has ended it fails, and tells why")
    func ended() throws {
        let clock = ManualClock()
        let client = Upgrading()
        let transport = MemoryTransport(clock: clock)
        transport.start(client)
        transport.deliverEnd()
        clock.advance(by: .milliseconds(1))
        client.transport = transport
        client.secure(try TLSFixture.client(clock), "h.test")
        guard case .failure(let error)? = client.outcome else {
            Issue.record("it did not fail")
            return
        }
        #expect(error.kind == .closed)
    }

    @Test("which side a context is for must be what the name says: otherwise the program ends with a sentence")
    func sides() async throws {
        let asServer = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let clock = ManualClock()
            _ = MemoryTransport(clock: clock).startTLS(try TLSFixture.server(clock), serverName: "h.test")
        }
        let asClient = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let clock = ManualClock()
            _ = MemoryTransport(clock: clock).startTLS(try TLSFixture.client(clock))
        }
        for result in [asServer, asClient] {
            let words = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
            #expect(words.contains("startTLS takes a server's name on the client's side, and only there"))
        }
    }

    @Test("a handshake that stalls after startTLS is given up in time")
    func stalls() throws {
        let clock = ManualClock()
        let client = Upgrading()
        let transport = MemoryTransport(clock: clock)
        transport.start(client)
        client.secure(try TLSFixture.client(clock), "h.test")
        clock.advance(by: .seconds(29))
        #expect(client.outcome == nil)
        clock.advance(by: .seconds(2))
        guard case .failure(let error)? = client.outcome else {
            Issue.record("it did not fail")
            return
        }
        #expect(error.kind == .timedOut)
        #expect(client.end == .tls(error))
    }
}
