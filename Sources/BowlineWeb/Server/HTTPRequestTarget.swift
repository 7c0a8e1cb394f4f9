// What a request is for: its target taken apart (RFC 9112, 3.2), together with Host. Pure; a target or a Host that can be
// read in two ways is refused, because whoever stood between may have read it in the other.

/// A checked request target, and the host that it is for.
struct HTTPRequestTarget: Hashable {
    /// The path as it came, `*` for the server as a whole, empty for CONNECT.
    var path: String
    /// What stands behind `?`, nil without it.
    var query: String?
    /// The host asked for; nil if the request names none.
    var host: HTTPURL.Host?

    /// Reads a target and a Host.
    ///
    /// - Returns: nil if one of them is malformed, or the form isn't the method's.
    init?(_ target: String, method: String, host: String?) {
        guard let asked = Self.readHost(host) else { return nil }
        self.host = asked.host
        if method == "CONNECT" {
            guard let authority = Self.readHost(target), authority.host != nil else { return nil }
            self.host = authority.host
            path = ""
        } else if target == "*" {
            guard method == "OPTIONS" else { return nil }
            path = target
        } else if target.hasPrefix("/") {
            guard !target.utf8.contains(UInt8(ascii: "#")) else { return nil }
            path = ""
            split(target)
        } else {
            // RFC 9112, 3.2.2: the target's own authority counts, not Host.
            guard let url = try? HTTPURL(target), url.userInfo == nil, url.fragment == nil else { return nil }
            self.host = url.host
            path = ""
            split(url.target)
        }
    }

    private mutating func split(_ target: String) {
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        path = String(parts[0])
        query = parts.count > 1 ? String(parts[1]) : nil
    }

    /// A host with or without a port; empty, or not there, is no host (RFC 9110, 7.2).
    private static func readHost(_ text: String?) -> (host: HTTPURL.Host?, Void)? {
        guard let text, !text.isEmpty else { return (nil, ()) }
        let separators = "/?#@\\".utf8
        guard !text.utf8.contains(where: separators.contains), let url = try? HTTPURL("http://\(text)/") else {
            return nil
        }
        return (url.host, ())
    }
}
