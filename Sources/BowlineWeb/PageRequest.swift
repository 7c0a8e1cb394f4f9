// What to fetch and how: a value, from the caller to the fetch.

public import BowlineConnect
public import BowlineTransport

/// Asks for a page.
///
/// ```swift
/// var request = PageRequest("http://example.com/search")
/// request.method = "POST"
/// request.body = Array("q=reactor".utf8)
/// request.fields = [("Content-Type", "application/x-www-form-urlencoded")]
/// reactor.fetch(request).addCallback { page in print(page.status, page.text) }
/// ```
public struct PageRequest {
    /// The URL, http or https; the fragment isn't sent.
    public var url: String
    /// The method, case-sensitive.
    public var method = "GET"
    /// The fields to send, in order. Host, User-Agent and Connection replace those that are sent otherwise.
    public var fields: [(name: String, value: String)] = []
    /// Names of fields that are sent unless they are given, and are not to be: User-Agent, Accept-Encoding, Cookie,
    /// Connection, Proxy-Authorization. A name of another that isn't given changes nothing; Host, and what says where the
    /// body ends, can't be left out.
    public var omittedFields: [String] = []
    /// Who asks, for servers that want to know; goes out as an Authorization field, to the first origin only.
    public var authorization: HTTPAuthorization? {
        get { keptAuthorization.value }
        set { keptAuthorization.value = newValue }
    }
    private var keptAuthorization = OutOfLine<HTTPAuthorization>()
    /// The body to send; nil for none, or if it comes as a stream.
    public var body: [UInt8]?
    /// The body to send, where it isn't held in memory.
    public var stream: RequestBodyStream?
    /// Whether to ask the server first if it wants the body (`Expect: 100-continue`; RFC 9110, 10.1.1). The body is sent
    /// when it agrees, or when it has said nothing for `continueDelay`, since many servers don't know the question.
    public var expectsContinue = false
    /// How long to wait for the server's consent. 1 s.
    public var continueDelay: Duration = .seconds(1)
    /// Whether a connection that has served may be used, and this one kept for others. If not, the request says
    /// `Connection: close`.
    public var reusesConnections = true
    /// Whether the content may come encoded, and is decoded: it is asked for in gzip, deflate, br or zstd, unless the fields
    /// have an Accept-Encoding, or a Range. If not, it is given as it comes.
    public var decodesContent = true
    /// Which proxy a hop goes through, unless `connect` has one for all. None.
    public var proxies = ProxySettings()
    /// How many redirects are followed. 0 follows none: the response that redirects is the result.
    public var maximumRedirects = 10
    /// Whether a redirect may lead from https to http, where everybody on the way can read and change what is sent.
    public var allowsInsecureRedirects = false
    /// How long everything may take: names, connections, redirects, the body. 60 s.
    public var deadline: Duration = .seconds(60)
    /// The budgets of name and connection of each hop, and the families to use.
    public var connect = ConnectOptions()
    /// How TLS is spoken with https URLs: verified with the system's store unless set.
    public var tls = PageRequest.usualTLS
    /// The limits of the response; `bodyBytes` is 64 MiB unless set.
    public var limits = PageRequest.usualLimits
    /// Told what happens, as it happens, until the fetch has its outcome. Called from the loop, and from inside `fetch`.
    /// It watches only: to cancel the fetch from it, use `callLater`.
    public var observer: ((PageEvent) -> Void)?

    /// The largest body that is taken unless `limits` says otherwise.
    public static let defaultBodyBytes = 64 * 1024 * 1024

    /// Creates a request for a URL: GET, ten redirects, a minute.
    public init(_ url: String) {
        self.url = url
    }

    private static let usualTLS = {
        var tls = TLSClientConfiguration()
        tls.applicationProtocols = ["http/1.1"]
        return tls
    }()
    private static let usualLimits = {
        var limits = HTTPLimits()
        limits.bodyBytes = defaultBodyBytes
        return limits
    }()

    /// Whether the server may switch to another protocol, which whoever asked for it has to speak.
    var asksForUpgrade: Bool { fields.contains { $0.name.lowercased() == "upgrade" } }

    /// Whether there may be a proxy for some hop: asked first, since there hardly ever is.
    var mayUseProxy: Bool {
        if case .none = connect.proxy, case .none = proxies.http, case .none = proxies.https { return false }
        return true
    }

    /// The proxy for a hop.
    func proxy(for url: HTTPURL) -> Proxy? {
        guard mayUseProxy else { return nil }
        if let proxy = connect.proxy { return proxy }
        return proxies.proxy(isSecure: url.scheme == .https, host: url.host.connectable, port: url.port)
    }

    /// The proxy for a hop, if it gets the request itself: what goes over http to an HTTP proxy.
    func forwardingProxy(for url: HTTPURL) -> Proxy? {
        guard url.scheme == .http, let proxy = proxy(for: url), proxy.kind.isHTTP else { return nil }
        return proxy
    }
}

/// Says what happens in a fetch, for logs.
///
/// ```swift
/// var request = PageRequest("http://example.com/")
/// request.observer = { event in
///     switch event {
///     case .redirect(let url): print("->", url)
///     case .head(let head): print(head.status)
///     default: break
///     }
/// }
/// reactor.fetch(request).addCallback { page in print(page.status) }
/// ```
public enum PageEvent {
    /// A connection is made.
    case connecting(ConnectTarget)
    /// The request goes out on a connection that has served before, to this address.
    case reusing(SocketAddress)
    /// The connection had been closed just when the request was sent: it is sent again, on a new one.
    case retrying
    /// What the connector does.
    case connector(ConnectorEvent)
    /// The connection stands, and the request is written.
    case requestSent
    /// The head of the final response is there.
    case head(HTTPResponseHead)
    /// The response redirects, and the fetch follows.
    case redirect(HTTPURL)
}
