// Who may see and change what. Pure: a request in, a verdict out. A page on the web can make a browser send requests here;
// what it can't do is name this server in Host (its own name is there, also after DNS rebinding), read an answer of another
// origin, or know the token.

import BowlineNames
import BowlineTransport

/// The rules of one inspector.
struct InspectorAccess {
    /// The address that it listens on.
    let bound: IPAddress
    /// The names that it goes by besides localhost, in lower case.
    let names: Set<String>
    /// What it is served over.
    let scheme: HTTPURL.Scheme
    /// What allows changes.
    let token: String
    /// Whether everybody may read: on loopback.
    let isReadable: Bool

    /// Why a request isn't answered, whatever it asks for; nil if it may be.
    func refusal(of request: HTTPServerRequest) -> HTTPServerResponse? {
        guard isOwnHost(request) else {
            return .explained(
                421, "this server goes by its address, localhost or a name that it was given, not by the name in Host")
        }
        return nil
    }

    /// Why a request may not read; nil if it may.
    func refusalToRead(_ request: HTTPServerRequest, _ form: FormFields) -> HTTPServerResponse? {
        // Another site couldn't see the answer, but how long it takes and how large it is. A link may lead to the page.
        let isLink = request.path == "/" && request.fields["sec-fetch-mode"] == "navigate"
        guard isFromOwnSite(request) || isLink else { return .explained(403, "another site's page may not read here") }
        if isReadable || hasToken(request, form) { return nil }
        var response = HTTPServerResponse.explained(401, "open the address that was printed, with its token")
        response.fields.append(("WWW-Authenticate", "Bearer"))
        return response
    }

    /// Why a request may not change anything; nil if it may.
    func refusalToChange(_ request: HTTPServerRequest, _ form: FormFields) -> HTTPServerResponse? {
        guard isOwnOrigin(request) else { return .explained(403, "changes are made from this server's own page") }
        guard hasToken(request, form) else { return .explained(403, "changes need the token") }
        return nil
    }

    /// Whether a request presents the token, as `Authorization: Bearer`, or in its form or query.
    func hasToken(_ request: HTTPServerRequest, _ form: FormFields) -> Bool {
        let bearer = request.fields["authorization"].flatMap { value -> String? in
            value.lowercased().hasPrefix("bearer ") ? String(value.dropFirst(7)) : nil
        }
        guard let presented = bearer ?? form["token"] else { return false }
        return Self.isEqual(presented, token)
    }

    /// Takes as long whatever differs.
    static func isEqual(_ presented: String, _ expected: String) -> Bool {
        let (left, right) = (Array(presented.utf8), Array(expected.utf8))
        guard !right.isEmpty else { return false }
        var difference = left.count ^ right.count
        for (index, octet) in left.enumerated() { difference |= Int(octet ^ right[index % right.count]) }
        return difference == 0
    }

    private func isOwnHost(_ request: HTTPServerRequest) -> Bool {
        switch request.host {
        // Over TLS, too. That a browser has compared the name with the certificate proves nothing where a wildcard stands in
        // that, or where whoever sits before it has said yes.
        case .name(let name, _): name.text == "localhost" || names.contains(name.text)
        case .ipv4(let address): isOwn(.v4(address), request)
        case .ipv6(let address): isOwn(.v6(address), request)
        case nil: false
        }
    }

    private func isOwn(_ address: IPAddress, _ request: HTTPServerRequest) -> Bool {
        address.isLoopback || address == bound || address == request.server.ipAddress
    }

    /// Whether no browser says that another site's page asks.
    private func isFromOwnSite(_ request: HTTPServerRequest) -> Bool {
        request.fields["sec-fetch-site"].map { $0 == "same-origin" || $0 == "none" } ?? true
    }

    /// A browser says where a change comes from; other clients say nothing.
    private func isOwnOrigin(_ request: HTTPServerRequest) -> Bool {
        guard isFromOwnSite(request) else { return false }
        let origins = request.fields.values(of: "origin")
        guard let origin = origins.first else { return true }
        let own = "\(scheme.rawValue)://\(request.fields["host"] ?? "")"
        return origins.count == 1 && origin.lowercased() == own.lowercased()
    }
}

extension HTTPServerResponse {
    /// A status and a sentence.
    static func explained(_ status: Int, _ why: String) -> HTTPServerResponse {
        HTTPServerResponse("\(status) \(reason(of: status)): \(why)\n", status: status)
    }
}
