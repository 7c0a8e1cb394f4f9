// What a server grants its clients, each with where the number comes from. Read by the connections; never changed while
// the server runs.

/// Bounds what clients may cost an `HTTPServer`.
///
/// ```swift
/// var options = HTTPServerOptions()
/// options.limits.bodyBytes = 16 << 20
/// options.idleTimeout = .seconds(5)
/// let server = try reactor.listenHTTP(port: 0, options: options) { _ in HTTPServerResponse("hello\n") }
/// ```
public struct HTTPServerOptions: Hashable, Sendable {
    /// How long heads and bodies may be: a request line of 8 KiB (RFC 9112, 3: at least 8,000), a head of 32 KiB, a
    /// body of 1 MiB unless set.
    public var limits: HTTPLimits
    /// How long a head may take, from the connection or from its first byte: 10 s, whatever trickles in.
    public var headTimeout: Duration = .seconds(10)
    /// How long a body may take, from its head: 30 s.
    public var bodyTimeout: Duration = .seconds(30)
    /// How long a connection may stay open between two requests: 60 s.
    public var idleTimeout: Duration = .seconds(60)
    /// How long a client may take nothing of what is sent to it: 30 s.
    public var sendTimeout: Duration = .seconds(30)
    /// How long the end of a client is waited for after the last response, so that a reset doesn't overtake it: 2 s
    /// (RFC 9112, 9.6).
    public var lingerTimeout: Duration = .seconds(2)
    /// How many connections may be open; more are closed at once: 1,000.
    public var maximumConnections = 1_000

    /// Creates the default options.
    public init() {
        limits = HTTPLimits()
        limits.requestLineBytes = 8 * 1024
        limits.headBytes = 32 * 1024
        limits.bodyBytes = 1 << 20
    }
}
