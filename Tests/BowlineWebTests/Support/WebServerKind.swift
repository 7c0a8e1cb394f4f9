// The web servers that people meet, with one site: what differs between them is what a client has to take.

import Glibc
import TestSupport
import Testing

/// A kind of web server. Its site has `/small`, `/empty`, `/large`, and `/old`, which has moved to `/small`.
enum WebServerKind: String, CaseIterable, CustomTestStringConvertible, Sendable {
    case nginx, apache2, lighttpd
    /// In front of an nginx.
    case haproxy

    static let small = Array("hello".utf8)
    static let large = pattern(1 << 20)

    /// The kinds whose programs are there.
    static var installed: [WebServerKind] { allCases.filter(\.isInstalled) }

    var testDescription: String { rawValue }

    private var isInstalled: Bool {
        RealServer.isInstalled(rawValue) && (self != .haproxy || RealServer.isInstalled("nginx"))
    }

    /// What a server says about the connections that it keeps.
    struct KeepAlive: Sendable {
        /// How many requests it serves on each. haproxy has no such limit.
        var requests = 100_000
        /// How long one may be idle, in seconds.
        var seconds = 60
    }

    /// A running site.
    struct Site {
        /// The server in front, and others behind it.
        let servers: [RealServer]
        fileprivate let reloadSignal: CInt

        var port: UInt16 { servers[0].port }
        func reload() { servers[0].reload(reloadSignal) }
        func stop() { for server in servers { server.stop() } }
    }

    func start(_ keeping: KeepAlive = KeepAlive()) throws -> Site {
        let pages = ["/small": Self.small, "/empty": [], "/large": Self.large]
        switch self {
        case .nginx:
            let server = try RealServer.nginx(
                pages: pages,
                directives: """
                    keepalive_requests \(keeping.requests); keepalive_timeout \(keeping.seconds)s;
                    location = /old { return 301 /small; }
                    """, hasWorker: true)
            return Site(servers: [try #require(server)], reloadSignal: SIGHUP)
        case .apache2:
            let server = try RealServer.apache(
                pages: pages,
                directives: """
                    MaxKeepAliveRequests \(keeping.requests)
                    KeepAliveTimeout \(keeping.seconds)
                    Redirect 301 /old /small
                    """)
            return Site(servers: [try #require(server)], reloadSignal: SIGUSR1)
        case .lighttpd:
            let server = try RealServer.lighttpd(
                pages: pages,
                directives: """
                    server.stat-cache-engine = "disable"
                    mimetype.assign = ("" => "application/octet-stream")
                    server.max-keep-alive-requests = \(keeping.requests)
                    server.max-keep-alive-idle = \(keeping.seconds)
                    server.feature-flags = ("server.graceful-shutdown-timeout" => 5)
                    url.redirect = ("^/old$" => "/small")
                    url.redirect-code = 301
                    """)
            return Site(servers: [try #require(server)], reloadSignal: SIGUSR1)
        case .haproxy:
            let behind = try #require(try RealServer.nginx(pages: pages))
            let server = try RealServer.haproxy(
                to: behind.port, frontend: "http-request redirect location /small code 301 if { path /old }",
                defaults: "timeout http-keep-alive \(keeping.seconds)s")
            return Site(servers: [try #require(server), behind], reloadSignal: SIGUSR2)
        }
    }
}
