// The URLs of the Web Platform Tests: what browsers refuse must be refused; what they take means the same here, or is
// refused too.

import BowlineWeb
import Testing

@Suite("URLs of the Web Platform Tests")
struct URLCorpusTests {
    struct Case {
        var input: String
        var base: String?
        var isFailure: Bool
        var href: String
        var parts: [String: String]

        init?(_ json: Any) {
            guard let fields = json as? [String: Any], let input = fields["input"] as? String else { return nil }
            self.input = input
            base = fields["base"] as? String
            isFailure = fields["failure"] as? Bool ?? false
            href = fields["href"] as? String ?? ""
            parts = fields.compactMapValues { $0 as? String }
        }

        func parsed() throws(HTTPURLError) -> HTTPURL {
            guard let base else { return try HTTPURL(input) }
            // A reference with a scheme needs no base, and its base may be of a scheme that isn't ours.
            if let url = try? HTTPURL(input) { return url }
            return try HTTPURL(base).resolve(input)
        }

        func agrees(_ url: HTTPURL) -> Bool {
            let query = url.query.map { $0.isEmpty ? "" : "?\($0)" } ?? ""
            let fragment = url.fragment.map { $0.isEmpty ? "" : "#\($0)" } ?? ""
            let port = url.port == url.scheme.defaultPort ? "" : "\(url.port)"
            return parts["protocol"] == url.scheme.rawValue + ":" && parts["hostname"] == url.host.description
                && parts["port"] == port && parts["pathname"] == url.path && parts["search"] == query
                && parts["hash"] == fragment
        }
    }

    @Test(
        "are refused where browsers refuse them, and else mean the same or are refused too",
        .enabled(if: Corpus.folder != nil, "BOWLINE_CORPORA is not set"))
    func corpus() throws {
        let entries = try #require(try Corpus.json("wpt-url/urltestdata.json") as? [Any])
        var failures = CorpusTally()
        var successes = CorpusTally()
        var others = CorpusTally()
        var refused: [String: [String]] = [:]
        for entry in entries {
            if entry is String { continue }  // A comment.
            guard let example = Case(entry) else {
                successes.skipped += 1
                continue
            }
            let result = Result { () throws(HTTPURLError) in try example.parsed() }
            let what = "\(example.input.debugDescription) on \(example.base?.debugDescription ?? "nothing")"
            switch (result, example.isFailure, example.href.hasPrefix("http:") || example.href.hasPrefix("https:")) {
            case (.failure, true, _): failures.agreed += 1
            case (.success(let url), true, _): Issue.record("\(what) must fail, is \(url)")
            case (.success(let url), false, true):
                #expect(example.agrees(url), "\(what) is \(url), not \(example.href)")
                successes.agreed += 1
            case (.failure(let error), false, true):
                successes.stricter += 1
                if let rule = Self.rule(error) {
                    refused[rule, default: []].append(what)
                } else {
                    Issue.record("\(what) is refused without a rule: \(error)")
                }
            case (.failure, false, false): others.agreed += 1
            case (.success(let url), false, false): Issue.record("\(what) is \(example.href), not \(url)")
            }
        }
        print("wpt-url: to be refused, \(failures); http(s), \(successes); other schemes, \(others)")
        for (rule, inputs) in refused.sorted(by: { $0.key < $1.key }) {
            print("wpt-url, \(inputs.count) refused by \(rule)")
            for input in inputs { print("    \(input)") }
        }
        #expect(successes.skipped == 0)
        #expect(failures.agreed >= 267)
        // What is refused on purpose is known; a new refusal is a new decision, whatever is taken instead. By rule, as they
        // are sorted: characters, user information, names, numbers, ports, hosts.
        #expect(successes.agreed >= 144)
        #expect(refused.sorted { $0.key < $1.key }.map(\.value.count) == [34, 11, 14, 14, 2, 28])
    }

    /// What a URL is refused by that browsers take.
    private static func rule(_ error: HTTPURLError) -> String? {
        switch error {
        case .forbiddenCharacter:
            "RFC 3986, 2: \"A URI is composed from a limited set of characters consisting of digits, letters, and a few "
                + "graphic symbols.\""
        case .noHost, .noScheme, .empty:
            "RFC 9110, 4.2.1: http-URI = \"http\" \"://\" authority path-abempty [ \"?\" query ]; \"A sender MUST NOT "
                + "generate an \"http\" URI with an empty host identifier.\""
        case .badName:
            "RFC 3986, 3.2.2: \"URI producers should use names that conform to the DNS syntax, even when use of DNS is not "
                + "immediately apparent\""
        case .numericHost:
            "RFC 3986, 3.2.2: IPv4address = dec-octet \".\" dec-octet \".\" dec-octet \".\" dec-octet"
        case .badUserInfo:
            "RFC 3986, 3.2.1: userinfo = *( unreserved / pct-encoded / sub-delims / \":\" )"
        case .badPort: "RFC 6335, 6: port 0 is reserved, and nobody can be connected to on it"
        case .badIPv6Address, .zonedAddress, .notHostAndPort, .unsupportedScheme: nil
        }
    }
}
