// The options that only fetching has: the request, what of the response is taken, and where it goes.

import ArgumentParser
import Bowline
import Glibc

struct FetchOptions: ParsableArguments {
    @Option(
        name: [.customShort("X", allowingJoined: true), .customLong("request")], parsing: .unconditional,
        help: ArgumentHelp("The method (default: GET, or POST with -d).", valueName: "method"))
    var method: String?

    @Option(
        name: [.customShort("H", allowingJoined: true), .customLong("header")], parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "Send this field (repeatable); 'Name:' leaves a field out, 'Name;' sends it empty.",
            valueName: "'Name: value'"))
    var fields: [FieldArgument] = []

    @Option(
        name: [.customShort("d", allowingJoined: true), .customLong("data")], parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "Send this body, @FILE for a file's text without its line ends (repeatable; joined by &).",
            valueName: "data"))
    var data: [String] = []

    @Option(
        name: [.customShort("A", allowingJoined: true), .customLong("user-agent")], parsing: .unconditional,
        help: ArgumentHelp("The User-Agent field; '' for none.", valueName: "agent"))
    var agent: String?

    @Flag(
        name: [.customShort("k"), .customLong("insecure")],
        help: "Verify no certificates; anybody in between can read along and change what is said.")
    var insecure = false

    @Option(
        name: .customLong("cacert"), parsing: .unconditional,
        help: ArgumentHelp("Trust the certificates of this PEM file instead of the system's.", valueName: "file"))
    var trustFile: String?

    @Option(
        name: [.customShort("x", allowingJoined: true), .customLong("proxy")], parsing: .unconditional,
        help: ArgumentHelp(
            "Have this proxy (http://, https:// or socks5://) find the targets; env: what http_proxy and its like name.",
            valueName: "url"))
    var proxy: String?

    @Flag(
        name: .customLong("proxy-insecure"),
        help: "Don't verify the certificate of an https:// proxy; -k is for the targets'.")
    var insecureProxy = false

    @Option(
        name: .customLong("proxy-cacert"), parsing: .unconditional,
        help: ArgumentHelp("As --cacert, for an https:// proxy.", valueName: "file"))
    var proxyTrustFile: String?

    @Option(
        name: .customLong("noproxy"), parsing: .unconditional,
        help: ArgumentHelp("The hosts that need no proxy, as no_proxy lists them.", valueName: "hosts"))
    var directHosts: String?

    @Option(
        name: .customLong("per-host"), parsing: .unconditional,
        help: ArgumentHelp("How many targets of one host at once.", valueName: "n"))
    var perHost = Count(6)

    @Option(
        name: .customLong("retries"), parsing: .unconditional,
        help: ArgumentHelp(
            "How often to try again what failed in a way that may pass, after 1, 2, 4 … s, within --max-time.",
            valueName: "n"))
    var retries = Count(0)

    @Option(
        name: .customLong("max-redirs"), parsing: .unconditional,
        help: ArgumentHelp("How many redirects to follow; 0 reports the first as the result.", valueName: "n"))
    var maximumRedirects = Count(10)

    @Option(
        name: .customLong("max-filesize"), parsing: .unconditional,
        help: ArgumentHelp("Refuse larger bodies.", valueName: "bytes"))
    var maximumBodyBytes = Count(PageRequest.defaultBodyBytes)

    @Option(
        name: [.customShort("o", allowingJoined: true), .customLong("output")], parsing: .unconditional,
        help: ArgumentHelp("Write the body to this file; one target only.", valueName: "file"))
    var outputPath: String?

    @Flag(name: .customLong("body"), help: "Write the body to stdout, and the report to stderr.")
    var printsBody = false

    @Flag(
        name: [.customShort("i"), .customLong("include")],
        help: "Write the heads before the body; to stdout as --body without -o.")
    var includesHeads = false

    func validate() throws {
        guard perHost.value > 0 else {
            throw ValidationError("The value '0' is invalid for '--per-host <n>': it must be 1 or more.")
        }
        if outputPath?.isEmpty == true { throw ValidationError("-o needs the path of a file.") }
    }

    /// Whether stdout belongs to what was fetched.
    var takesStdout: Bool { printsBody || outputPath == "-" || includesHeads && outputPath == nil }

    /// The file for the body, if there is one.
    var file: String? { outputPath == "-" ? nil : outputPath }

    /// What is to become of the bodies.
    func wishes(json: Bool, showsProgress: Bool) -> BodyIntake.Wishes {
        BodyIntake.Wishes(
            hasDigest: json, isKept: takesStdout, file: file, hasHeads: includesHeads,
            hasProgress: showsProgress && !json && isatty(STDERR_FILENO) == 1)
    }

    /// The request for a URL, as these options describe it, without budgets.
    ///
    /// - Throws: `ValidationError` if there is something in it that can't be sent.
    func request() throws -> PageRequest {
        var request = PageRequest("http://localhost/")
        request.method = method ?? (data.isEmpty ? "GET" : "POST")
        request.fields = fields.compactMap { field in field.value.map { (field.name, $0) } }
        request.omittedFields = fields.filter { $0.value == nil }.map(\.name)
        if agent == "" {
            request.omittedFields.append("User-Agent")
        } else if let agent {
            request.fields.append(("User-Agent", agent))
        }
        if !data.isEmpty {
            request.body = try Array(data.map(Self.bytes(of:)).joined(separator: Array("&".utf8)))
            let names = request.fields.map(\.name) + request.omittedFields
            if !names.contains(where: { $0.lowercased() == "content-type" }) {
                request.fields.append(("Content-Type", "application/x-www-form-urlencoded"))
            }
        }
        request.proxies = try proxies()
        request.maximumRedirects = maximumRedirects.value
        request.limits.bodyBytes = maximumBodyBytes.value
        request.tls.trust = trustFile.map { .file($0) } ?? .system
        request.tls.refusesUnverified = !insecure
        try Self.check(request)
        return request
    }

    /// The proxies, if they are asked for: what explains how targets are found doesn't leave that to others unasked.
    private func proxies() throws -> ProxySettings {
        guard let proxy else {
            if directHosts != nil {
                throw ValidationError("--noproxy makes exceptions from --proxy, which isn't there.")
            }
            if insecureProxy || proxyTrustFile != nil {
                throw ValidationError("--proxy-insecure and --proxy-cacert are for a --proxy, which isn't there.")
            }
            return ProxySettings()
        }
        do throws(ProxyError) {
            var settings = proxy == "env" ? try ProxySettings.fromEnvironment() : ProxySettings(try Proxy(proxy))
            if let directHosts { settings.exceptions = ProxyExceptions(directHosts) }
            for proxy in [\ProxySettings.http, \.https] {
                if let trustFile = proxyTrustFile { settings[keyPath: proxy]?.tls.trust = .file(trustFile) }
                if insecureProxy { settings[keyPath: proxy]?.tls.refusesUnverified = false }
            }
            return settings
        } catch {
            throw ValidationError(TerminalText.escaped("--proxy: \(error)."))
        }
    }

    /// What can't be sent to one target can't be sent to any: it is wrong usage.
    private static func check(_ request: PageRequest) throws {
        guard let url = try? HTTPURL(request.url) else { return }
        let head = HTTPRequestHead(
            method: request.method, url: url, fields: request.fields, omittedFields: request.omittedFields,
            bodyLength: request.body?.count)
        do throws(HTTPRequestError) {
            _ = try head.bytes()
        } catch {
            throw ValidationError(TerminalText.escaped("\(error)."))
        }
    }

    /// The bytes of one -d: as they stand there, or a file's without CR, LF and NUL, as curl reads it.
    private static func bytes(of data: String) throws -> [UInt8] {
        guard data.hasPrefix("@") else { return Array(data.utf8) }
        let path = String(data.dropFirst())
        do throws(SystemError) {
            let contents = try Files.read(path == "-" ? "/dev/stdin" : path)
            return contents.filter { $0 != 0x0A && $0 != 0x0D && $0 != 0 }
        } catch {
            throw ValidationError(TerminalText.escaped("-d can't read \(path): \(SystemError.text(of: error.code))"))
        }
    }
}
