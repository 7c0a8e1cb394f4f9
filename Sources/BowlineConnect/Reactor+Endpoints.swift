// Endpoints from their text: what each kind is called, and what its arguments mean.

public import BowlineReactor
import BowlineTransport

extension Reactor {
    /// Makes the endpoint that a text describes, for connecting.
    ///
    /// | text | what |
    /// |---|---|
    /// | `tcp:example.com:80`, `tcp:host=example.com:port=80` | a host by TCP; `:timeout=15` in seconds, `:bindAddress=127.0.0.1`, `:proxy=socks5\://127.0.0.1\:1080` |
    /// | `tls:example.com:443`, `tls:host=example.com:port=443` | the same with TLS, verified; `:trustRoots=/etc/app/ca.pem`, `:serverName=…`, `:certificate=…:privateKey=…` |
    /// | `unix:/run/app.sock`, `unix:path=/run/app.sock` | a UNIX stream socket; `:timeout=15` |
    ///
    /// A backslash takes the next character as it is; an IPv6 address stands in brackets: `tcp:[::1]:80`.
    /// ```swift
    /// try reactor.clientFromString("tcp:example.com:79:timeout=5").connect(Finger())
    /// ```
    /// - Throws: `EndpointError`, one line with what would be right.
    public func clientFromString(_ text: String) throws(EndpointError) -> any ClientEndpoint {
        var parsed = try EndpointText(text)
        switch parsed.kind {
        case "tcp", "tls":
            var options = ConnectOptions()
            var others = ["timeout", "bindAddress", "proxy"]
            if parsed.kind == "tls" {
                parsed.example = "tls:example.com:443"
                others += ["trustRoots", "serverName", "certificate", "privateKey"]
            }
            try parsed.assign(positions: ["host", "port"], others: others)
            if parsed.kind == "tls" {
                options.tls = try parsed.tlsConfiguration
                options.tlsServerName = parsed["serverName"]
            }
            let host = try parsed.required("host")
            let port = try parsed.requiredPort(from: 1)
            options.timeout = try parsed.timeout ?? options.timeout
            options.bindAddress = try parsed.address("bindAddress").map { .ip($0, port: 0) }
            options.proxy = try parsed.proxy
            return TCPClientEndpoint(self, host: host, port: port, options: options)
        case "unix":
            parsed.example = "unix:/run/app.sock"
            try parsed.assign(positions: ["path"], others: ["timeout"])
            return UNIXClientEndpoint(
                self, path: try parsed.required("path"), timeout: try parsed.timeout ?? ConnectOptions().timeout)
        default:
            throw parsed.unknownKind
        }
    }

    /// Makes the endpoint that a text describes, for listening.
    ///
    /// | text | what |
    /// |---|---|
    /// | `tcp:8080`, `tcp:port=8080` | a TCP port, 0 for any; `:interface=127.0.0.1`, `:backlog=50` |
    /// | `tls:443:certificate=/etc/app/chain.pem:privateKey=/etc/app/key.pem` | the same with TLS; `:clientTrust=/etc/app/ca.pem` wants certificates of clients |
    /// | `unix:/run/app.sock`, `unix:path=/run/app.sock` | a UNIX stream socket; `:backlog=50` |
    ///
    /// A backslash takes the next character as it is; an IPv6 address stands in brackets: `tcp:80:interface=[::1]`.
    /// - Throws: `EndpointError`, one line with what would be right.
    public func serverFromString(_ text: String) throws(EndpointError) -> any ServerEndpoint {
        var parsed = try EndpointText(text)
        switch parsed.kind {
        case "tcp":
            parsed.example = "tcp:8080:interface=127.0.0.1"
            try parsed.assign(positions: ["port"], others: ["interface", "backlog"])
            return TCPServerEndpoint(
                self, port: try parsed.requiredPort(from: 0), interface: try parsed.address("interface"),
                backlog: try parsed.backlog)
        case "tls":
            parsed.example = "tls:443:certificate=/etc/app/chain.pem:privateKey=/etc/app/key.pem"
            try parsed.assign(
                positions: ["port"], others: ["interface", "backlog", "certificate", "privateKey", "clientTrust"])
            guard let identity = try parsed.identity else { throw parsed.error(.missing("certificate")) }
            var configuration = TLSServerConfiguration(identity)
            if let file = parsed["clientTrust"] { configuration.clientCertificates = .required(.file(file)) }
            let context: TLSContext
            do throws(TLSError) {
                context = try TLSContext(server: configuration, clock: self)
            } catch {
                throw parsed.error(.unusable(error))
            }
            return TLSServerEndpoint(
                self, port: try parsed.requiredPort(from: 0), context: context,
                interface: try parsed.address("interface"), backlog: try parsed.backlog)
        case "unix":
            parsed.example = "unix:/run/app.sock"
            try parsed.assign(positions: ["path"], others: ["backlog"])
            return UNIXServerEndpoint(self, path: try parsed.required("path"), backlog: try parsed.backlog)
        default:
            throw parsed.unknownKind
        }
    }
}

extension EndpointText {
    fileprivate var unknownKind: EndpointError {
        error(.unknownKind(kind))
    }

    fileprivate var identity: TLSIdentity? {
        get throws(EndpointError) {
            switch (self["certificate"], self["privateKey"]) {
            case (nil, nil): nil
            case (let certificate?, let key?): TLSIdentity(certificateFile: certificate, keyFile: key)
            case (nil, _): throw error(.missing("certificate"))
            case (_, nil): throw error(.missing("privateKey"))
            }
        }
    }

    fileprivate var tlsConfiguration: TLSClientConfiguration {
        get throws(EndpointError) {
            var configuration = TLSClientConfiguration()
            if let file = self["trustRoots"] { configuration.trust = .file(file) }
            configuration.identity = try identity
            return configuration
        }
    }

    fileprivate var proxy: Proxy? {
        get throws(EndpointError) {
            guard let text = self["proxy"] else { return nil }
            do throws(ProxyError) {
                return try Proxy(text)
            } catch {
                throw self.error(.badValue(argument: "proxy", value: text, expected: "a proxy: \(error)"))
            }
        }
    }

    fileprivate var timeout: Duration? {
        get throws(EndpointError) {
            try optional("timeout", expected: "a number of seconds above 0", Self.seconds)
        }
    }

    fileprivate var backlog: Int {
        get throws(EndpointError) {
            try optional("backlog", expected: "a number from 0 to 65535") { Self.number($0, in: 0...65535) }.map {
                Int($0)
            }
                ?? 1024
        }
    }

    fileprivate func address(_ name: String) throws(EndpointError) -> IPAddress? {
        try optional(name, expected: "the text of an IP address") { IPAddress($0) }
    }
}
