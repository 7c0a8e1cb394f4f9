// The inspector over https.

import Bowline
import BowlineTesting
import TestSupport
import Testing

@Suite("The inspector over TLS", .enabled(if: Certificates.canBeMade, "openssl is not installed"))
struct InspectorSecureTests {
    @Test("the printed address is https, changes come from its own page there, and stopping frees the port")
    func served() async throws {
        try await onReactor { reactor in
            let pair = try Certificates.shared().make(
                for: "IP:127.0.0.1", "DNS:inspector.test", "DNS:*.wild.test", "DNS:*.tame.test")
            let context = try TLSContext(
                server: TLSServerConfiguration(TLSIdentity(certificateFile: pair.certificate, keyFile: pair.key)),
                clock: reactor)
            reactor.resolver = ScriptedResolver(
                clock: reactor,
                [
                    "inspector.test": [.v4(.loopback)], "me.wild.test": [.v4(.loopback)],
                    "me.tame.test": [.v4(.loopback)],
                ])
            let inspector = try reactor.serveInspector(
                on: .ip(.v4(.loopback), port: 0), token: InspectedReactor.token, tls: context,
                names: ["Me.Tame.test."])
            let port = inspector.address.port ?? 0
            #expect(inspector.url == "https://127.0.0.1:\(port)/?token=\(InspectedReactor.token)")

            func send(_ place: String, origin: String? = nil) async throws -> String {
                var request = PageRequest(place)
                request.tls.trust = .file(try Certificates.shared().root)
                if let origin {
                    request.method = "POST"
                    request.body = Array("name=one.test&token=\(InspectedReactor.token)".utf8)
                    request.fields = [
                        ("Content-Type", "application/x-www-form-urlencoded"), ("Origin", origin),
                    ]
                    request.maximumRedirects = 0
                }
                return "\(try await reactor.fetch(request).value.status)"
            }
            #expect(try await send(inspector.url) == "200")
            // The names of the certificate are its own; a wildcard's may be others'.
            #expect(try await send("https://inspector.test:\(port)/cache.json") == "200")
            #expect(try await send("https://me.tame.test:\(port)/cache.json") == "200")
            #expect(try await send("https://me.wild.test:\(port)/cache.json") == "421")
            let own = "https://127.0.0.1:\(port)"
            let change = try await send("\(own)/flush", origin: own)
            #expect(change == "200" || change == "303")
            #expect(try await send("\(own)/flush", origin: "http://127.0.0.1:\(port)") == "403")
            try await inspector.stop().value
            await #expect(throws: PageError.self) { try await send(inspector.url) }
        }
    }
}
