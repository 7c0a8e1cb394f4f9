// What became of one target: all that the reports say is in here.

import Bowline

/// A response that arrived whole.
struct FetchedResponse {
    let head: HTTPResponseHead
    /// The size of the content.
    let byteCount: Int
    /// The SHA-256 of the content in hexadecimal, if it was wanted.
    let digest: String?
    /// The content, if it was to be kept.
    let kept: [UInt8]
    /// Whether it has gone to stdout already, with the heads if they are wanted.
    var isOnStdout = false
}

struct FetchOutcome {
    /// As the user named it.
    let target: String
    /// The URL that was fetched last, or was to be.
    let url: HTTPURL?
    /// The record of the fetch; nil if it never began.
    let report: PageReport?
    /// The response, if it arrived whole.
    let response: FetchedResponse?
    /// The heads of all responses on the way, in order.
    let heads: [HTTPResponseHead]
    /// The proxy of the last hop. What is said of names and attempts is of it.
    var proxy: Proxy?
    /// The families that were asked for.
    let families: [AddressFamily]
    /// Why it isn't well.
    var failure: Failure?
    /// When the target was begun, if it was: the report may be of a later try.
    var start: ReactorInstant?
    /// How often it was tried again.
    var retryCount = 0

    var isWell: Bool { failure == nil }

    /// What the lookups of the last hop came to; nil if there was none.
    var names: NameFindings? {
        guard let report, let url, report.url != nil else { return nil }
        // Nobody was asked for what is no target, unless it is a response that leads there.
        guard failure?.phase != .target || report.head != nil else { return nil }
        // A literal of a family that isn't wanted was looked at, and nobody was asked.
        let host = proxy?.host ?? url.host.connectable
        let expected = IPAddress(host) == nil ? families.map { $0 == .ipv6 ? RecordType.aaaa : .a } : []
        return NameFindings(report.answers, of: host, expected: expected, unanswered: report.unanswered)
    }

    /// How long a step took, if it was begun and finished.
    func time(from start: ReactorInstant?, to end: ReactorInstant?) -> Duration? {
        guard let start, let end else { return nil }
        return end - start
    }
}
