// Octets of header fields that are neither ASCII nor UTF-8, against nginx: what a server says in them comes back as it was.

import Bowline
import BowlineTesting
import TestSupport
import Testing

@Suite("Raw octets", .enabled(if: RealServer.isInstalled("nginx"), "nginx is not installed"))
struct RawOctetTests {
    /// What nginx decodes it puts bare into the field.
    private static let directives = """
        location ~ ^/cookie/(.*)$ { add_header Set-Cookie "n=$1; path=/"; return 200 "set"; }
        location = /mine { return 200 "$http_cookie"; }
        location ~ ^/to/(.*)$ { absolute_redirect off; return 302 "/got/$1"; }
        location /got/ { return 200 "$request_uri"; }
        """

    @Test(
        "a cookie goes back octet by octet",
        arguments: [
            ("caf%E9", [0x63, 0x61, 0x66, 0xE9]), ("caf%C3%A9", [0x63, 0x61, 0x66, 0xC3, 0xA9]),
            ("e%CC%81", [0x65, 0xCC, 0x81]), ("%FF%FE", [0xFF, 0xFE]), ("%E9%C3%A9", [0xE9, 0xC3, 0xA9]),
        ] as [(String, [UInt8])])
    func cookies(_ escaped: String, _ octets: [UInt8]) async throws {
        let server = try #require(try RealServer.nginx(pages: [String: String](), directives: Self.directives))
        let base = "http://127.0.0.1:\(server.port)"
        let sent = try await onReactor { reactor in
            reactor.agent.cookies = CookieJar()
            _ = try await reactor.fetch(PageRequest("\(base)/cookie/\(escaped)")).value
            return try await reactor.fetch(PageRequest("\(base)/mine")).value.body
        }
        #expect(sent == Array("n=".utf8) + octets)
    }

    @Test(
        "a location with bare blanks and octets leads to what curl asks for",
        arguments: [
            "a%20b", "a%20%20b", "caf%E9", "caf%C3%A9", "%E9%C3%A9%20x", "q%3Fa%20b=%E9",
        ])
    func locations(_ escaped: String) async throws {
        let server = try #require(try RealServer.nginx(pages: [String: String](), directives: Self.directives))
        let place = "http://127.0.0.1:\(server.port)/to/\(escaped)"
        let (text, field) = try await onReactor { reactor in
            var request = PageRequest(place)
            request.maximumRedirects = 0
            let field = try await reactor.fetch(request).value.head.fields["location"]
            return (try await reactor.fetch(PageRequest(place)).value.text, field)
        }
        // It is bare, in truth.
        #expect(field?.contains("%") == false)
        #expect(text == "/got/\(escaped.replacing("%3F", with: "?"))")
        guard Executables.find("curl") != nil else { return }
        let curl = try Subprocess.run("curl", ["-s", "-L", place])
        // In a query curl makes a + of a blank; browsers don't.
        #expect(curl.stdout.lowercased().replacing("+", with: "%20") == text.lowercased())
    }
}
