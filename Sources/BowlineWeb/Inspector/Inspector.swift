// The door to the inspector: where it listens, and the token that allows changes. What it shows is in InspectorRoutes and
// the tables, who may see it in InspectorAccess.

public import BowlineConnect
public import BowlineDeferred
public import BowlineReactor
public import BowlineTransport
import BowlineNames

/// A web page that shows what a reactor's resolver remembers, asks and has counted, while it runs.
///
/// ```swift
/// let inspector = try reactor.serveInspector(port: 0)
/// print("look at", inspector.url)         // http://127.0.0.1:41234/?token=…
/// reactor.callLater(.seconds(60)) { inspector.stop() }
/// ```
/// Everybody on this machine may read; only who has the token may change something. See <doc:TheInspector>.
public final class Inspector {
    /// Where it listens.
    public let address: SocketAddress
    /// What has to be presented to change something, and on an address that isn't loopback to see anything.
    public let token: String
    private let server: HTTPServer
    private let scheme: HTTPURL.Scheme

    init(
        _ reactor: Reactor, on address: SocketAddress, token: String?, tls: TLSContext?, names: [String]
    ) throws(InspectorError) {
        guard let interface = address.ipAddress, let port = address.port else { throw .notInternet(address) }
        let isPrivate = interface.isLoopback
        guard isPrivate || token != nil else { throw .tokenNeeded(address) }
        if let token, !Self.canBeToken(token) { throw .badToken }
        let token = token ?? Self.makeToken()
        scheme = tls == nil ? .http : .https
        let access = InspectorAccess(
            bound: interface, names: Self.ownNames(names, tls), scheme: scheme, token: token, isReadable: isPrivate)
        let routes = InspectorRoutes(reactor, access)
        do {
            server = try reactor.listenHTTP(port: port, interface: interface, tls: tls) { request in
                routes.answer(request)
            }
        } catch {
            throw .listen(ListenError(address: address, cause: error))
        }
        routes.counts = { [unowned server] in (server.requestCount, server.refusedCount) }
        self.address = server.address ?? address
        self.token = token
    }

    /// Where to look, token included. Of a wildcard address the loopback one.
    public var url: String {
        guard case .ip(let ip, let port) = address else { return "" }
        let host: String =
            switch ip {
            case .v4(let address): ip.isUnspecified ? "127.0.0.1" : "\(address)"
            case .v6(let address): ip.isUnspecified ? "[::1]" : "[\(address)]"
            }
        return "\(scheme.rawValue)://\(host):\(port)/?token=\(token)"
    }

    /// Stops serving; what was begun has a second to end.
    ///
    /// - Returns: fires when the last connection has ended.
    @discardableResult
    public func stop() -> Deferred<Void> { server.stop(within: .seconds(1)) }

    /// The names that were given, and those of the certificate. Its wildcards are for names that may be others'.
    private static func ownNames(_ given: [String], _ tls: TLSContext?) -> Set<String> {
        let certified = tls?.certificate?.names.filter { !$0.contains("*") } ?? []
        return Set((given + certified).compactMap { try? DomainName($0).text })
    }

    /// 128 bits of the system's randomness.
    private static func makeToken() -> String {
        var random = SystemRandomNumberGenerator()
        return (0..<2).map { _ in
            let digits = String(random.next() as UInt64, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }

    /// Whether it can stand in a URL as it is, and isn't guessed by trying.
    private static func canBeToken(_ text: String) -> Bool {
        text.utf8.count >= 8 && text.utf8.allSatisfy { HTTPOctets.isAlphanumeric($0) || "-._~".utf8.contains($0) }
    }
}

@available(
    *, unavailable,
    message:
        "it stays on the thread that made it: from elsewhere, come back through the reactor's handle, with callFromThread"
)
extension Inspector: Sendable {}

extension HTTPOctets {
    fileprivate static func isAlphanumeric(_ octet: UInt8) -> Bool {
        isDigit(octet) || lower(octet) &- UInt8(ascii: "a") < 26
    }
}

/// Says why an inspector can't be served.
///
/// ```swift
/// do throws(InspectorError) {
///     _ = try reactor.serveInspector(on: .ip(.v4(.any), port: 8080))
/// } catch {
///     print(error)        // 0.0.0.0:8080 can be reached from elsewhere: give a token
/// }
/// ```
public enum InspectorError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The address isn't loopback, and no token was given.
    case tokenNeeded(SocketAddress)
    /// The token has under 8 characters, or others than letters, digits and `-._~`.
    case badToken
    /// The address isn't an internet address.
    case notInternet(SocketAddress)
    /// Nothing could be listened on.
    case listen(ListenError)

    /// One line, with what to do.
    public var description: String {
        switch self {
        case .tokenNeeded(let address): "\(address) can be reached from elsewhere: give a token"
        case .badToken: "a token has at least 8 characters, of letters, digits and -._~"
        case .notInternet(let address): "\(address) is no internet address"
        case .listen(let error): "\(error)"
        }
    }
}

extension Reactor {
    /// Serves the inspector's page, its JSON and its metrics until the reactor stops.
    ///
    /// - Parameters:
    ///   - address: a loopback address, or any other together with a token; port 0 lets the system choose.
    ///   - token: what allows changes; a random one if nil. At least 8 characters of letters, digits and `-._~`.
    ///   - tls: made of a `TLSServerConfiguration`, to serve over https; nil for http.
    ///   - names: the names that it goes by besides localhost, the addresses, and the names in its certificate that are no
    ///     wildcards. Requests to other names are refused: a page on the web may have made them lead here (DNS rebinding).
    /// - Throws: `InspectorError`.
    public func serveInspector(
        on address: SocketAddress, token: String? = nil, tls: TLSContext? = nil, names: [String] = []
    ) throws(InspectorError) -> Inspector {
        try Inspector(self, on: address, token: token, tls: tls, names: names)
    }

    /// Serves the inspector on a port of 127.0.0.1; 0 lets the system choose.
    public func serveInspector(port: UInt16, token: String? = nil) throws(InspectorError) -> Inspector {
        try serveInspector(on: .ip(.v4(.loopback), port: port), token: token)
    }
}
