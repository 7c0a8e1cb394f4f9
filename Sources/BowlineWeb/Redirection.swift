// Which responses redirect, and what becomes of the request (RFC 9110, 15.4; the Fetch standard for credentials).

enum Redirection {
    /// Fields that speak of the body, and go with it when the method becomes GET (RFC 9110, 15.4).
    private static let bodyFields = ["content-type", "content-length", "content-encoding", "content-language"]
    /// Fields that are for one origin only.
    private static let originFields = ["authorization", "proxy-authorization", "cookie", "host"]

    /// Where a response redirects to; nil if it is a result.
    static func location(in head: HTTPResponseHead) -> String? {
        switch head.status {
        case 301, 302, 303, 307, 308: head.fields["location"]
        default: nil
        }
    }

    /// Changes the request for the next hop.
    static func adapt(_ request: inout PageRequest, from url: HTTPURL, to target: HTTPURL, _ status: Int) {
        let becomesGET =
            status == 303 && request.method != "HEAD" || (status == 301 || status == 302) && request.method == "POST"
        if becomesGET {
            request.method = "GET"
            request.body = nil
            request.fields.removeAll { bodyFields.contains($0.name.lowercased()) }
        }
        if !target.isSameOrigin(as: url) {
            request.fields.removeAll { originFields.contains($0.name.lowercased()) }
        }
    }
}
