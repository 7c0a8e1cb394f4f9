// Where a response redirects to, and what becomes of the request then (RFC 9110, 15.4; the Fetch standard for credentials).

import BowlineTransport

struct Redirection {
    /// Fields that speak of the content, and go with it when the method becomes GET (RFC 9110, 15.4).
    private static let contentFields = [
        "content-type", "content-length", "content-encoding", "content-language", "content-location", "digest",
        "last-modified",
    ]
    /// Fields that are for one origin only.
    private static let originFields = ["authorization", "proxy-authorization", "cookie", "host"]

    let status: Int
    /// The reference to where it goes; not resolved.
    let location: String

    /// Nil if the response is a result: another status, or no Location to go to. An empty one is none, as in browsers; it
    /// would lead back to where it came from.
    /// - Throws: `conflictingLocations` if there are several that differ.
    init?(_ head: HTTPResponseHead) throws(HTTPParseError) {
        switch head.status {
        case 301, 302, 303, 307, 308: break
        default: return nil
        }
        let locations = head.fields.octets(of: "location")
        guard let first = locations.first, !first.isEmpty else { return nil }
        guard locations.allSatisfy({ $0 == first }) else { throw .conflictingLocations }
        status = head.status
        location = HTTPURLText.reference(first)
    }

    /// Whether a redirect may be followed: from https it leads to http only if the request allows that.
    static func isAllowed(from url: HTTPURL, to target: HTTPURL, _ request: PageRequest) -> Bool {
        url.scheme == .http || target.scheme == .https || request.allowsInsecureRedirects
    }

    /// Changes the request for the next hop. Another origin isn't told who asks: by no field, and by no certificate.
    func adapt(_ request: inout PageRequest, from url: HTTPURL, to target: HTTPURL) {
        let becomesGET =
            status == 303 && request.method != "HEAD" || (status == 301 || status == 302) && request.method == "POST"
        if becomesGET {
            request.method = "GET"
            request.body = nil
            request.stream = nil
            request.expectsContinue = false
            Self.remove(Self.contentFields, from: &request)
        }
        if !target.isSameOrigin(as: url) {
            Self.remove(Self.originFields, from: &request)
            request.tls.identity = nil
        }
    }

    private static func remove(_ names: [String], from request: inout PageRequest) {
        request.fields.removeAll { names.contains($0.name.lowercased()) }
    }
}
