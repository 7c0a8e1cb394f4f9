// What is said to a proxy, octet by octet, and what is made of its answers, whole and byte by byte.

import Bowline
import Testing

@testable import BowlineConnect

@Suite("A proxy's handshake")
struct ProxyHandshakeTests {
    private let name = ProxiedTarget(host: .name("h.test"), port: 443)

    /// Feeds the proxy's bytes, and gives what was sent, piece by piece, and how it ended: "done" with what is left,
    /// "waits", or the kind of the error.
    private func run(_ handshake: any ProxyHandshake, _ answer: [UInt8], byByte: Bool) -> (sent: [[UInt8]], end: String)
    {
        var handshake = handshake
        var sent = [handshake.begin()]
        var input: ArraySlice<UInt8> = []
        var parts = byByte ? answer.map { [$0] } : [answer]
        while !parts.isEmpty {
            input += parts.removeFirst()
            do throws(ProxyError) {
                loop: while true {
                    switch try handshake.next(&input) {
                    case .waits: break loop
                    case .sends(let bytes): sent.append(bytes)
                    case .done: return (sent, "done \(Array(input) + parts.flatMap { $0 })")
                    }
                }
            } catch {
                return (sent, error.kind.rawValue)
            }
        }
        return (sent, "waits")
    }

    private func socks(_ target: ProxiedTarget, _ credentials: Proxy.Credentials? = nil) -> SOCKS5Handshake {
        SOCKS5Handshake(target, credentials)
    }

    private let accepted: [UInt8] = [5, 0, 0, 1, 127, 0, 0, 1, 0, 80]
    private let user = Proxy.Credentials(user: "me", password: "pw")

    @Test("SOCKS5 sends a name as it is, and IPv4 and IPv6 addresses as octets", arguments: [false, true])
    func targets(byByte: Bool) throws {
        let targets: [(ProxiedTarget.Host, [UInt8])] = [
            (.name("h.test"), [3, 6] + Array("h.test".utf8)),
            (.address(try #require(IPAddress("192.0.2.1"))), [1, 192, 0, 2, 1]),
            (
                .address(try #require(IPAddress("2001:db8::1"))),
                [4, 0x20, 1, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [1]
            ),
        ]
        for (host, octets) in targets {
            let outcome = run(socks(ProxiedTarget(host: host, port: 443)), [5, 0] + accepted + [7, 8], byByte: byByte)
            #expect(outcome.sent == [[5, 1, 0], [5, 1, 0] + octets + [1, 187]])
            #expect(outcome.end == "done [7, 8]")
        }
    }

    @Test("SOCKS5 authenticates when the proxy wants it, and only then", arguments: [false, true])
    func authentication(byByte: Bool) {
        let wanted = run(socks(name, user), [5, 2, 1, 0] + accepted, byByte: byByte)
        #expect(wanted.sent[..<2] == [[5, 2, 0, 2], [1, 2] + Array("me".utf8) + [2] + Array("pw".utf8)])
        #expect(wanted.end == "done []")
        #expect(run(socks(name, user), [5, 0] + accepted, byByte: byByte).sent.count == 2)
        #expect(run(socks(name, user), [5, 2, 1, 1], byByte: byByte).end == "authentication")
        #expect(run(socks(name, user), [5, 0xFF], byByte: byByte).end == "authentication")
        #expect(run(socks(name), [5, 0xFF], byByte: byByte).end == "authentication")
        #expect(run(socks(name), [5, 2], byByte: byByte).end == "malformed")
    }

    @Test("SOCKS5 takes the address that the proxy answers with in each of its forms", arguments: [false, true])
    func replies(byByte: Bool) {
        let addresses: [[UInt8]] = [
            [1, 127, 0, 0, 1], [3, 0], [3, 2, 97, 98], [4] + [UInt8](repeating: 9, count: 16),
        ]
        for address in addresses {
            #expect(run(socks(name), [5, 0, 5, 0, 0] + address + [0, 1], byByte: byByte).end == "done []")
            #expect(run(socks(name), [5, 0, 5, 0, 0] + address + [0], byByte: byByte).end == "waits")
        }
        #expect(run(socks(name), [5, 0, 5, 0, 0, 2, 0], byByte: byByte).end == "malformed")
    }

    @Test(
        "SOCKS5 tells the failures of a proxy apart",
        arguments: [
            (1, "failed"), (2, "forbidden"), (3, "unreachable"), (4, "unreachable"), (5, "refused"), (6, "timedOut"),
            (7, "failed"), (8, "failed"), (200, "failed"),
        ])
    func failures(code: UInt8, kind: String) {
        #expect(run(socks(name), [5, 0, 5, code], byByte: true).end == kind)
        #expect(run(socks(name), [5, 0, 5, code, 0, 1, 0, 0, 0, 0, 0, 0], byByte: false).end == kind)
    }

    @Test("a web server on the proxy's port is no SOCKS5 proxy, and a SOCKS5 proxy none for HTTP")
    func foreign() {
        #expect(run(socks(name), Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8), byByte: true).end == "malformed")
        #expect(run(HTTPConnectHandshake(name, nil), [5, 0xFF], byByte: true).end == "malformed")
        #expect(
            run(HTTPConnectHandshake(name, nil), Array("SSH-2.0-OpenSSH\r\n".utf8), byByte: false).end == "malformed")
    }

    @Test("CONNECT names the target as RFC 9110 says, brackets around IPv6, and the credentials if there are any")
    func connect() throws {
        let address = ProxiedTarget(host: .address(try #require(IPAddress("fe80::1%1"))), port: 80)
        #expect(
            String(decoding: HTTPConnectHandshake(address, nil).begin(), as: UTF8.self)
                == "CONNECT [fe80::1]:80 HTTP/1.1\r\nHost: [fe80::1]:80\r\n\r\n")
        let credentials = Proxy.Credentials(user: "Aladdin", password: "open sesame")
        #expect(
            String(decoding: HTTPConnectHandshake(name, credentials).begin(), as: UTF8.self)
                == "CONNECT h.test:443 HTTP/1.1\r\nHost: h.test:443\r\n"
                + "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n")
    }

    @Test(
        "CONNECT reads the head of the answer, and what follows is the target's",
        arguments: [
            ("HTTP/1.1 200 Connection established\r\n\r\nhi", "done [104, 105]"),
            ("HTTP/1.0 200\r\nVia: x\r\nContent-Length: 5\r\n\r\n", "done []"),
            ("HTTP/1.1 200 OK\nX: y\n\n", "done []"),
            ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 299 \r\n\r\n", "done []"),
            (String(repeating: "HTTP/1.1 100 C\r\n\r\n", count: 32) + "HTTP/1.1 200 OK\r\n\r\n", "done []"),
            (String(repeating: "HTTP/1.1 100 C\r\n\r\n", count: 33) + "HTTP/1.1 200 OK\r\n\r\n", "malformed"),
            ("HTTP/1.1 200 OK\r\nX: y\r\n", "waits"), ("HTTP/1.1 101 Switching Protocols\r\n\r\n", "failed"),
            ("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n<html>", "authentication"),
            ("HTTP/1.1 403 Forbidden\r\n\r\n", "forbidden"), ("HTTP/1.1 405 No\r\n\r\n", "forbidden"),
            ("HTTP/1.1 502 Bad Gateway\r\n\r\n", "unreachable"), ("HTTP/1.1 503 \r\n\r\n", "unreachable"),
            ("HTTP/1.1 504 \r\n\r\n", "timedOut"), ("HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", "failed"),
            ("HTTP/2 200 OK\r\n\r\n", "malformed"), ("HTTP/1.1 20 OK\r\n\r\n", "malformed"),
            ("HTTP/1.1 2000\r\n\r\n", "malformed"), ("HTTP/1.1 +20\r\n\r\n", "malformed"),
            ("HTTP/1.1\r\n\r\n", "malformed"),
        ])
    func connectAnswers(answer: String, end: String) {
        #expect(run(HTTPConnectHandshake(name, nil), Array(answer.utf8), byByte: false).end == end)
        #expect(run(HTTPConnectHandshake(name, nil), Array(answer.utf8), byByte: true).end == end)
    }

    @Test("a head without end is refused at 16 KiB")
    func endless() {
        let answer = Array("HTTP/1.1 200 OK\r\nX: ".utf8) + [UInt8](repeating: 97, count: 17_000)
        #expect(run(HTTPConnectHandshake(name, nil), answer, byByte: false).end == "malformed")
    }
}
