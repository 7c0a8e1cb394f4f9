// Endpoints from their text: what each kind is called, and what its arguments mean.

public import BowlineReactor
import BowlineTransport

extension Reactor {
    /// Makes the endpoint that a text describes, for connecting.
    ///
    /// | text | what |
    /// |---|---|
    /// | `tcp:example.com:80`, `tcp:host=example.com:port=80` | a host by TCP; `:timeout=15` in seconds, `:bindAddress=127.0.0.1` |
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
        case "tcp":
            try parsed.assign(positions: ["host", "port"], others: ["timeout", "bindAddress"])
            var options = ConnectOptions()
            let host = try parsed.required("host")
            let port = try parsed.requiredPort(from: 1)
            options.timeout = try parsed.timeout ?? options.timeout
            options.bindAddress = try parsed.address("bindAddress").map { .ip($0, port: 0) }
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
        error(kind == "tls" || kind == "ssl" ? .unavailableKind(kind) : .unknownKind(kind))
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
