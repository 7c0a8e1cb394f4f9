// A response whose body is still to come.

/// A response, when its head is there.
///
/// ```swift
/// reactor.agent.request(PageRequest("http://example.com/large"))
///     .addCallback { response -> Deferred<[UInt8]> in
///         print(response.status, response.head.fields["content-length"] ?? "of unknown length")
///         return response.body.collect()
///     }
///     .addCallback { bytes in print(bytes.count) }
/// ```
public struct StreamedResponse {
    /// The head of the response.
    public let head: HTTPResponseHead
    /// The body, which somebody must take, cancel or let go.
    public let body: ResponseBody

    /// The status code.
    public var status: Int { head.status }
    /// The record of the fetch, complete when the body has ended.
    public var report: PageReport { body.report }
    /// The URL that was fetched last.
    public var url: HTTPURL? { report.url }
}

@available(
    *, unavailable,
    message:
        "it stays on the thread that made it: from elsewhere, come back through the reactor's handle, with callFromThread"
)
extension StreamedResponse: Sendable {}
