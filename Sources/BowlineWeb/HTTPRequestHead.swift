// The head of one request, checked and written as bytes (RFC 9112, 3). What the caller didn't mean is never sent: one
// place looks at every byte of it. Values are checked here, not by HTTPField, which turns a CR LF into spaces silently.

package import BowlineConnect

/// The head of a request, before it is sent.
package struct HTTPRequestHead {
    /// What is sent as User-Agent unless the caller gives one.
    package static let defaultUserAgent = "Bowline/0.1"
    private static let acceptEncodingLine = Array("Accept-Encoding: \(ContentCoding.accepted)\r\n".utf8)
    private static let defaultUserAgentLine = Array("User-Agent: \(defaultUserAgent)\r\n".utf8)

    /// The method, as it is sent: `head` isn't HEAD (RFC 9110, 9.1).
    package var method: String
    /// Where to; the fragment and the scheme are not sent.
    package var url: HTTPURL
    /// The caller's fields in their order. Host, User-Agent and Connection replace the ones made here.
    package var fields: [(name: String, value: String)]
    /// Names of fields that are not to be made here.
    package var omittedFields: [String]
    /// The length of the body, nil without one.
    package var bodyLength: Int?
    /// Whether there is a body whose length isn't known: it goes out in chunks.
    package var isChunked: Bool
    /// Whether the server is asked if it wants the body (RFC 9110, 10.1.1).
    package var expectsContinue: Bool
    /// Whether content codings are asked for, where the caller's fields don't say which, and don't want a part only.
    package var acceptsCodings: Bool
    /// What a jar has for the URL, unless the caller's fields have cookies.
    package var cookies: [UInt8]?
    /// The proxy that the request goes to, which passes it on: the target is a whole URL then (RFC 9112, 3.2.2).
    package var proxy: Proxy?
    /// Whether the connection is to stay open; else the head says `Connection: close`.
    package var keepsConnection: Bool

    /// Creates a head. Nothing is checked yet.
    package init(
        method: String = "GET", url: HTTPURL, fields: [(name: String, value: String)] = [],
        omittedFields: [String] = [], bodyLength: Int? = nil,
        isChunked: Bool = false, acceptsCodings: Bool = false, cookies: [UInt8]? = nil, proxy: Proxy? = nil,
        expectsContinue: Bool = false,
        keepsConnection: Bool = false
    ) {
        self.acceptsCodings = acceptsCodings
        self.cookies = cookies
        self.proxy = proxy
        self.method = method
        self.url = url
        self.fields = fields
        self.omittedFields = omittedFields
        self.bodyLength = bodyLength
        self.isChunked = isChunked
        self.expectsContinue = expectsContinue
        self.keepsConnection = keepsConnection
    }

    /// The fields that stand in a request once at most, and which of them the caller gave.
    private struct Given {
        var host: String?
        var userAgent = false
        var contentLength = false
        var connection = false
        var authorization = false
        var acceptEncoding = false
        var range = false
        var cookies = false
        var proxyAuthorization = false
    }

    /// The head as bytes.
    ///
    /// - Throws: what can't be sent.
    /// - Complexity: O(length).
    package func bytes() throws(HTTPRequestError) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(256)
        try append(to: &output)
        return output
    }

    /// Appends the head as bytes; on an error `output` is as it was.
    package func append(to output: inout [UInt8]) throws(HTTPRequestError) {
        let given = try check()
        Self.append(method, to: &output)
        output.append(HTTPOctets.space)
        if proxy != nil {
            Self.append(literal: "http://", to: &output)
            appendAuthority(to: &output)
        }
        Self.append(url.target, to: &output)
        // RFC 9110, 7.2: Host first.
        Self.append(literal: " HTTP/1.1\r\nHost: ", to: &output)
        if let host = given.host { Self.append(host, to: &output) } else { appendAuthority(to: &output) }
        Self.append(literal: "\r\n", to: &output)
        for field in fields where given.host == nil || !Self.isName(field.name, "host") {
            Self.append(field.name, field.value, to: &output)
        }
        if !given.userAgent { output.append(contentsOf: Self.defaultUserAgentLine) }
        if acceptsCodings, !given.acceptEncoding, !given.range { output.append(contentsOf: Self.acceptEncodingLine) }
        if let cookies, !given.cookies {
            Self.append(literal: "Cookie: ", to: &output)
            output.append(contentsOf: cookies)
            Self.append(literal: "\r\n", to: &output)
        }
        if let credentials = proxy?.credentials, !given.proxyAuthorization {
            Self.append("Proxy-Authorization", credentials.basic, to: &output)
        }
        if let length = contentLength, !given.contentLength { Self.append("Content-Length", "\(length)", to: &output) }
        if isChunked { Self.append(literal: "Transfer-Encoding: chunked\r\n", to: &output) }
        if expectsContinue { Self.append(literal: "Expect: 100-continue\r\n", to: &output) }
        if !keepsConnection, !given.connection { Self.append(literal: "Connection: close\r\n", to: &output) }
        Self.append(literal: "\r\n", to: &output)
    }

    /// RFC 9110, 8.6: a request of a method that means something by its body says so when there is none.
    private var contentLength: Int? {
        if let bodyLength { return bodyLength }
        if isChunked { return nil }
        return method == "POST" || method == "PUT" || method == "PATCH" ? 0 : nil
    }

    private func check() throws(HTTPRequestError) -> Given {
        guard !method.isEmpty, method.utf8.allSatisfy(HTTPOctets.isToken), method != "CONNECT" else {
            throw .badMethod(method)
        }
        guard url.userInfo == nil else { throw .credentialsInURL }
        var given = Given()
        for (name, value) in fields {
            guard !name.isEmpty, name.utf8.allSatisfy(HTTPOctets.isToken) else { throw .badFieldName(name) }
            guard value.utf8.allSatisfy(HTTPOctets.isFieldContent),
                !(value.utf8.first.map(HTTPOctets.isBlank) ?? false),
                !(value.utf8.last.map(HTTPOctets.isBlank) ?? false)
            else { throw .badFieldValue(name: name) }
            if Self.isName(name, "host") {
                guard given.host == nil else { throw .duplicateField(name) }
                given.host = value
            } else if Self.isName(name, "user-agent") {
                guard !given.userAgent else { throw .duplicateField(name) }
                given.userAgent = true
            } else if Self.isName(name, "connection") {
                guard !given.connection else { throw .duplicateField(name) }
                given.connection = true
            } else if Self.isName(name, "authorization") {
                guard !given.authorization else { throw .duplicateField(name) }
                given.authorization = true
            } else if Self.isName(name, "content-length") {
                guard !given.contentLength else { throw .duplicateField(name) }
                guard let length = contentLength, value == "\(length)" else { throw .wrongContentLength(value) }
                given.contentLength = true
            } else if Self.isName(name, "accept-encoding") {
                given.acceptEncoding = true
            } else if Self.isName(name, "cookie") {
                given.cookies = true
            } else if Self.isName(name, "range") {
                given.range = true
            } else if Self.isName(name, "proxy-authorization") {
                guard !given.proxyAuthorization else { throw .duplicateField(name) }
                given.proxyAuthorization = true
            } else if Self.isName(name, "transfer-encoding") {
                throw .transferEncoding
            }
        }
        for name in omittedFields { try omit(name, &given) }
        return given
    }

    /// What isn't made here counts as given, unless the request can't do without.
    private func omit(_ name: String, _ given: inout Given) throws(HTTPRequestError) {
        if Self.isName(name, "host") || Self.isName(name, "content-length") && contentLength != nil
            || Self.isName(name, "transfer-encoding") && isChunked
        {
            throw .requiredField(name)
        }
        if Self.isName(name, "user-agent") { given.userAgent = true }
        if Self.isName(name, "accept-encoding") { given.acceptEncoding = true }
        if Self.isName(name, "cookie") { given.cookies = true }
        if Self.isName(name, "connection") { given.connection = true }
        if Self.isName(name, "proxy-authorization") { given.proxyAuthorization = true }
    }

    private static func isName(_ name: String, _ lowercased: StaticString) -> Bool {
        guard name.utf8.count == lowercased.utf8CodeUnitCount else { return false }
        return name.utf8.enumerated().allSatisfy { HTTPOctets.lower($1) == lowercased.utf8Start[$0] }
    }

    private static func append(_ name: String, _ value: String, to output: inout [UInt8]) {
        append(name, to: &output)
        append(literal: ": ", to: &output)
        append(value, to: &output)
        append(literal: "\r\n", to: &output)
    }

    /// `url.authority`, without the string in between.
    private func appendAuthority(to output: inout [UInt8]) {
        Self.append(url.host.description, to: &output)
        guard url.port != url.scheme.defaultPort else { return }
        Self.append(literal: ":", to: &output)
        Self.append(String(url.port), to: &output)
    }

    private static func append(literal text: StaticString, to output: inout [UInt8]) {
        output.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Appends the text in one piece: its UTF-8 view goes octet by octet.
    private static func append(_ text: String, to output: inout [UInt8]) {
        var text = text
        text.withUTF8 { output.append(contentsOf: $0) }
    }
}
