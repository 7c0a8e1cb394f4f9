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
        var reasons: [String: Int] = [:]
        for entry in entries {
            guard let example = Case(entry) else { continue }  // A string: a comment.
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
                reasons[Self.reason(error), default: 0] += 1
            case (.failure, false, false): others.agreed += 1
            case (.success(let url), false, false): Issue.record("\(what) is \(example.href), not \(url)")
            }
        }
        print("wpt-url: to be refused, \(failures); http(s), \(successes); other schemes, \(others)")
        print("wpt-url stricter for:", reasons.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" })
        #expect(failures.agreed >= 267)
        // What is refused on purpose is known; a new refusal is a new decision.
        #expect(successes.agreed >= 144)
    }

    private static func reason(_ error: HTTPURLError) -> String {
        switch error {
        case .forbiddenCharacter("\\"): "backslash"
        case .forbiddenCharacter: "blank or control character"
        case .noHost, .noScheme, .empty: "missing slashes or host"
        case .badName: "name"
        case .numericHost: "number as a host"
        case .badUserInfo: "user information"
        case .badPort: "port 0"
        case .badIPv6Address, .notHostAndPort, .unsupportedScheme: "other"
        }
    }
}
