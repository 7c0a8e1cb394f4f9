// TLS between a transport and a protocol, in memory and in virtual time: what is agreed on, how it fails, how it ends.

import Bowline
import BowlineTesting
import TestSupport
import Testing

@Suite(.enabled(if: Certificates.canBeMade, "openssl is not installed"))
struct TLSTests {
    @Test("bytes pass both ways, however they were cut on the way", arguments: [1, 3, 1_000, .max])
    func passes(portion: Int) throws {
        let pair = try TLSPair(portion: portion)
        pair.server.onData = { server, bytes in server.transport?.write(bytes.reversed()) }
        pair.client.onMade = { $0.transport?.write("abc") }
        pair.run()
        #expect(pair.server.text == "abc")
        #expect(pair.client.text == "cba")
        #expect(pair.client.events.first == .made)
    }

    @Test("both ends know what was agreed on")
    func agreed() throws {
        let pair = try TLSPair(
            client: { $0.applicationProtocols = ["h9", "http/1.1"] },
            server: { $0.applicationProtocols = ["http/1.1", "h9"] })
        pair.run()
        let info = try #require(pair.clientInfo)
        #expect(info.version == "TLSv1.3")
        #expect(info.cipher.hasPrefix("TLS_"))
        #expect(info.applicationProtocol == "http/1.1", "the server's order counts")
        #expect(info.isVerified)
        #expect(info.peerCertificate?.names == ["h.test"])
        #expect(info.peerCertificate?.issuer == "Bowline root")
        #expect((info.peerCertificate?.daysLeft ?? 0) > 20_000)
        #expect(pair.serverInfo?.serverName == "h.test")
        #expect(pair.serverInfo?.peerCertificate == nil)
        #expect(pair.client.transport?.tls == info)
    }

    @Test("a server that speaks none of the offered protocols refuses, and both ends know why")
    func noProtocol() throws {
        let pair = try TLSPair(
            client: { $0.applicationProtocols = ["h9"] }, server: { $0.applicationProtocols = ["http/1.1"] })
        pair.run()
        #expect(pair.clientFailure?.kind == .alert)
        #expect(pair.clientFailure?.description.contains("no_application_protocol") == true)
        #expect(pair.serverFailure != nil)
        #expect(pair.client.events.isEmpty, "no protocol is told of what never was")
    }

    @Test(
        "a client that refuses nobody says what it would have refused, by whom it believes, and of a good certificate nothing",
        arguments: [
            ("h.test", nil), ("other.test", "the certificate is for h.test, not for other.test"),
        ] as [(String, String?)])
    func unverified(name: String, problem: String?) throws {
        let pair = try TLSPair(name: name, client: { $0.refusesUnverified = false })
        pair.run()
        let info = try #require(pair.clientInfo)
        #expect(!info.isVerified)
        #expect(info.problem?.description == problem)
        let stranger = try TLSPair(
            client: {
                $0.refusesUnverified = false
                $0.trust = .system
            })
        stranger.run()
        #expect(stranger.clientInfo?.problem?.description.contains("is not trusted here") == true)
    }

    @Test("a second connection to the same name resumes the session; one to another name doesn't")
    func resumes() throws {
        let first = try TLSPair(client: { $0.refusesUnverified = false })
        first.server.onMade = { $0.transport?.write("x") }
        first.run()
        #expect(first.clientInfo?.isResumed == false)
        let second = TLSPair.again(first)
        second.run()
        #expect(second.clientInfo?.isResumed == true)
        let third = TLSPair.again(first, name: "other.test")
        third.run()
        #expect(third.clientInfo?.isResumed == false)
        #expect(first.clientContext.handshakes == 3)
        #expect(first.clientContext.resumptions == 1)
        #expect(first.serverContext.resumptions == 1)
    }

    @Test("a resumed session is still verified, and still knows the certificate")
    func resumedVerified() throws {
        let first = try TLSPair()
        first.server.onMade = { $0.transport?.write("x") }
        first.run()
        let second = TLSPair.again(first)
        second.run()
        #expect(second.clientInfo?.isResumed == true)
        #expect(second.clientInfo?.isVerified == true)
        #expect(second.clientInfo?.peerCertificate == first.clientInfo?.peerCertificate)
    }

    @Test("a client shows its certificate to a server that wants one")
    func clientCertificate() throws {
        let certificates = try Certificates.shared()
        let own = try certificates.make(for: "DNS:client.test")
        let pair = try TLSPair(
            client: { $0.identity = own.identity },
            server: { $0.clientCertificates = .required(.file(certificates.root)) })
        pair.run()
        #expect(pair.serverInfo?.peerCertificate?.names == ["client.test"])
        #expect(pair.serverInfo?.isVerified == true)
    }

    @Test("a client without a certificate is refused by a server that wants one, and told so")
    func clientCertificateMissing() throws {
        let certificates = try Certificates.shared()
        let pair = try TLSPair(server: { $0.clientCertificates = .required(.file(certificates.root)) })
        pair.run()
        #expect(pair.serverFailure?.kind == .badCertificate)
        #expect(pair.serverFailure?.description == "the other end has shown no certificate")
        guard case .tls(let error)? = pair.client.end else {
            Issue.record("the client was told \(String(describing: pair.client.end))")
            return
        }
        #expect(error.description == "the other end wants a certificate of this side")
    }

    @Test("an end without close_notify is told apart from one with it")
    func truncated() throws {
        let pair = try TLSPair()
        pair.server.onMade = { $0.transport?.write("half") }
        pair.run()
        pair.pump.client.deliverEnd()
        pair.run()
        #expect(pair.client.text == "half")
        #expect(pair.client.end == .truncated)
        #expect(pair.client.events.contains(.readConnectionLost) == false)

        let orderly = try TLSPair()
        orderly.server.onMade = {
            $0.transport?.write("whole")
            $0.transport?.loseConnection()
        }
        orderly.client.onReadLost = { $0.transport?.loseConnection() }
        orderly.run()
        #expect(orderly.client.text == "whole")
        #expect(orderly.client.events.contains(.readConnectionLost))
        #expect(orderly.client.end == .done)
        #expect(orderly.server.end == .done)
    }

    @Test("one direction can be closed while the other goes on")
    func halfClose() throws {
        let pair = try TLSPair()
        pair.client.onMade = {
            $0.transport?.write("question")
            $0.transport?.loseWriteConnection()
        }
        pair.server.onReadLost = { server in
            server.transport?.write("answer to \(server.text)")
            server.transport?.loseConnection()
        }
        pair.run()
        #expect(pair.client.text == "answer to question")
        #expect(pair.client.end == .done)
        #expect(pair.server.end == .done)
    }

    @Test("whoever doesn't speak TLS is recognised at once, and quoted", arguments: [1, .max])
    func plainServer(portion: Int) throws {
        let clock = ManualClock()
        let transport = MemoryTransport(clock: clock)
        var failure: TLSError?
        let client = TLSConnection(try TLSFixture.client(clock), name: "h.test") { result in
            if case .failure(let error) = result { failure = error }
            return nil
        }
        transport.start(client)
        clock.advance(by: .milliseconds(1))
        #expect(!transport.takeWritten().isEmpty, "the client speaks first")
        transport.deliver("220 mail.test ready\r\n")
        #expect(failure?.kind == .notTLS)
        #expect(failure?.description == #"the other end doesn't speak TLS: it says "220 mail.test ready""#)
    }

    @Test("a handshake that stalls is given up in time, by a server and after startTLS")
    func stalls() throws {
        let pair = try TLSPair(server: { $0.handshakeTimeout = .seconds(5) })
        // Nothing of the client's arrives any more.
        pair.pump.client.isStalled = true
        pair.run(.milliseconds(4_999))
        #expect(pair.serverOutcome == nil)
        pair.run(.milliseconds(2))
        #expect(pair.serverFailure?.kind == .timedOut)
        pair.run()
        #expect(pair.clientFailure?.kind == .closed)
    }

    @Test("a client without a name to verify refuses to connect", arguments: ["", "."])
    func noName(name: String) throws {
        let pair = try TLSPair(name: name)
        pair.run()
        #expect(pair.clientFailure?.kind == .configuration)
        #expect(pair.serverInfo == nil)
    }

    @Test("what is garbled on the way ends the connection as a violation, with an alert for the peer")
    func garbled() throws {
        let pair = try TLSPair()
        pair.run()
        pair.pump.client.deliver([23, 3, 3, 0, 20] + [UInt8](repeating: 7, count: 20))
        pair.pump.flush()
        pair.run()
        guard case .tls(let error)? = pair.client.end else {
            Issue.record("the client was told \(String(describing: pair.client.end))")
            return
        }
        #expect(error.kind == .violation)
        guard case .tls(let alert)? = pair.server.end else {
            Issue.record("the server was told \(String(describing: pair.server.end))")
            return
        }
        #expect(alert.kind == .alert)
        #expect(alert.description.contains("bad_record_mac"))
    }

    @Test("nothing is called from inside a call to the transport")
    func notReentrant() throws {
        let pair = try TLSPair()
        var depth = 0
        var deepest = 0
        func within(_ body: () -> Void) {
            depth += 1
            deepest = max(deepest, depth)
            body()
            depth -= 1
        }
        pair.client.onMade = { client in within { client.transport?.write("x") } }
        pair.client.onData = { client, _ in
            within {
                client.transport?.write("y")
                client.transport?.pauseReading()
                client.transport?.resumeReading()
                client.transport?.abortConnection()
            }
        }
        pair.client.onLost = { _, _ in within {} }
        pair.server.onData = { server, _ in server.transport?.write("z") }
        pair.run()
        #expect(deepest == 1)
        #expect(pair.client.end == .aborted)
    }

    @Test("bytes that arrived while reading was paused wait for resumeReading, in order")
    func pauses() throws {
        let pair = try TLSPair()
        pair.client.onData = { client, _ in
            client.transport?.pauseReading()
        }
        pair.server.onMade = { server in for word in ["a", "b", "c"] { server.transport?.write(word) } }
        pair.run()
        #expect(pair.client.text == "a")
        pair.client.transport?.resumeReading()
        #expect(pair.client.text == "a", "not from inside the call")
        pair.run()
        #expect(pair.client.text == "ab")
        pair.client.transport?.resumeReading()
        pair.run()
        #expect(pair.client.text == "abc")
    }

    @Test("a file that can't be used is named, with what is wrong")
    func badFiles() throws {
        let certificates = try Certificates.shared()
        let (first, second) = (try certificates.make(for: "DNS:a.test"), try certificates.make(for: "DNS:b.test"))
        func message(_ certificate: String, _ key: String) -> String? {
            let identity = TLSIdentity(certificateFile: certificate, keyFile: key)
            let error = #expect(throws: TLSError.self) {
                _ = try TLSContext(server: TLSServerConfiguration(identity), clock: ManualClock())
            }
            return error?.description
        }
        #expect(
            message("/nowhere/c.pem", first.key)
                == #"can't read the certificate of "/nowhere/c.pem": No such file or directory"#)
        #expect(message(first.key, first.key)?.hasPrefix("there is no certificate to be used in") == true)
        #expect(message(first.certificate, second.key)?.contains("key values mismatch") == true)
    }

    @Test("TLS runs inside TLS")
    func nested() throws {
        let pair = try TLSPair()
        let (client, server) = (AccumulatingProtocol(), AccumulatingProtocol())
        server.onData = { server, bytes in server.transport?.write(bytes.reversed()) }
        let innerServer = TLSConnection(pair.serverContext, name: nil) { _ in server }
        let innerClient = TLSConnection(pair.clientContext, name: "h.test") { _ in client }
        client.onMade = { $0.transport?.write("inside") }
        pair.server.onMade = { outer in
            guard let outer = outer.transport as? TLSConnection else { return }
            _ = outer.takeOver(innerServer, onEnd: nil)
            innerServer.makeConnection(outer)
        }
        pair.client.onMade = { outer in
            guard let outer = outer.transport as? TLSConnection else { return }
            _ = outer.takeOver(innerClient, onEnd: nil)
            innerClient.makeConnection(outer)
        }
        pair.run()
        #expect(server.text == "inside")
        #expect(client.text == "edisni")
        client.transport?.loseConnection()
        pair.run()
        #expect(client.end == .done)
        #expect(server.end == .done)
    }

    @Test("a server's factory hears of the handshake that failed, and makes no protocol for it")
    func factoryHears() throws {
        let clock = ManualClock()
        var built = 0
        let factory = TLSServerFactory(
            try TLSFixture.server(clock),
            factory: ServerFactory {
                built += 1
                return AccumulatingProtocol()
            })
        var heard: [TLSError.Kind] = []
        factory.onFailure = { peer, error in
            #expect(peer == .unspecified)
            heard.append(error.kind)
        }
        let transport = MemoryTransport(clock: clock)
        transport.start(try #require(factory.buildProtocol(.unspecified)))
        transport.deliver("GET / HTTP/1.1\r\n\r\n")
        clock.advance(by: .milliseconds(1))
        #expect(heard == [.notTLS])
        #expect(built == 0)
        #expect(transport.state == .ended(.done))
    }

    @Test("a first flight that is damaged or cut short at any place has one outcome, and the connection ends")
    func damaged() throws {
        let clock = ManualClock()
        let recorder = MemoryTransport(clock: clock)
        recorder.start(TLSConnection(try TLSFixture.client(clock), name: "h.test") { _ in nil })
        recorder.pump()
        let hello = recorder.takeWritten()
        #expect(hello.count > 100)
        let context = try TLSFixture.server(clock)
        for place in hello.indices {
            for damage in 0..<2 {
                var bytes = hello
                if damage == 0 { bytes[place] ^= 0x41 } else { bytes.removeSubrange(place...) }
                var outcomes = 0
                let transport = MemoryTransport(clock: clock)
                let server = TLSConnection(context, name: nil) { _ in
                    outcomes += 1
                    return nil
                }
                server.limitHandshake(to: .seconds(5))
                transport.start(server)
                transport.deliver(bytes)
                transport.deliverEnd()
                clock.advance(by: .seconds(6))
                #expect(outcomes == 1, "at \(place), damage \(damage)")
                #expect(server.finalEnd != nil)
            }
        }
    }

    @Test("loseConnection waits for a producer that takes its time, and then for all of its bytes")
    func waitsForProducer() throws {
        let pair = try TLSPair()
        let producer = ScriptedProducer()
        pair.client.onMade = {
            $0.transport?.registerProducer(.push(producer))
            $0.transport?.loseConnection()
        }
        pair.run(.seconds(100))
        #expect(pair.client.end == nil)
        pair.client.transport?.write("late")
        pair.client.transport?.unregisterProducer()
        pair.server.onReadLost = { $0.transport?.loseConnection() }
        pair.run()
        #expect(pair.server.text == "late")
        #expect(pair.client.end == .done)
        #expect(pair.server.end == .done)
        #expect(producer.calls.isEmpty)
    }

    @Test("a peer that takes nothing of what was written holds a close no longer than the close timeout")
    func closeIsBounded() throws {
        for whoCloses in 0..<2 {
            let pair = try TLSPair()
            pair.run()
            let (end, transport) = whoCloses == 0 ? (pair.client, pair.pump.client) : (pair.server, pair.pump.server)
            transport.isStalled = true
            end.transport?.write("x")
            end.transport?.loseConnection()
            pair.run(.seconds(29))
            #expect(end.end == nil)
            pair.run(.seconds(2))
            #expect(end.end == .timedOut)
        }
    }

    @Test("a peer that never ends its side holds a client's close no longer than the close timeout")
    func lingeringIsBounded() throws {
        let pair = try TLSPair()
        pair.client.onMade = {
            $0.transport?.write("all")
            $0.transport?.loseConnection()
        }
        pair.run(.seconds(29))
        #expect(pair.server.text == "all")
        #expect(pair.server.events.contains(.readConnectionLost), "it goes on, since it knows half-close")
        #expect(pair.client.end == nil)
        pair.run(.seconds(2))
        #expect(pair.client.end == .done)
    }

    @Test("abortConnection ends a connection that is closing, too")
    func abortWhileClosing() throws {
        let pair = try TLSPair()
        pair.run()
        pair.pump.server.isStalled = true
        pair.server.transport?.write("x")
        pair.server.transport?.loseConnection()
        pair.run()
        #expect(pair.server.end == nil)
        pair.server.transport?.abortConnection()
        pair.run()
        #expect(pair.server.end == .aborted)
    }

    @Test("nothing stays behind when a connection has ended, in order or not", arguments: [true, false])
    func released(inOrder: Bool) throws {
        weak var connection: TLSConnection?
        weak var context: TLSContext?
        func live() throws {
            let pair = try TLSPair()
            pair.run()
            connection = pair.client.transport as? TLSConnection
            context = pair.clientContext
            #expect(connection != nil)
            if inOrder { pair.client.transport?.loseConnection() } else { pair.client.transport?.abortConnection() }
            pair.run(.seconds(60))
            #expect(pair.client.end == (inOrder ? .done : .aborted))
        }
        try live()
        #expect(connection == nil)
        #expect(context == nil)
    }
}
