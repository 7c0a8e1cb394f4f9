// The doors: a page, or a response with all there is to know.

public import BowlineDeferred
public import BowlineReactor

extension Reactor {
    /// Fetches a page and gives its text.
    ///
    /// Returns at once; nothing has touched the network then.
    /// ```swift
    /// reactor.getPage("http://example.com/")
    ///     .addCallback { html in print(html) }
    ///     .addErrback { error in print("failed:", error) }
    /// ```
    /// - Parameter url: an http or https URL.
    /// - Returns: fires with the body as text (see `PageResponse.text`), or fails with a `PageError`; a status outside
    ///   2xx is a failure with the response inside. `cancel()` closes the connection at once.
    public func getPage(_ url: String) -> Deferred<String> {
        getPage(PageRequest(url))
    }

    /// Fetches a page as `request` says, and gives its text.
    public func getPage(_ request: PageRequest) -> Deferred<String> {
        fetch(request).addCallback { response in
            guard (200..<300).contains(response.status) else {
                throw PageError(phase: .http, reason: .status(response), report: response.report)
            }
            return response.text
        }
    }

    /// Fetches what `request` asks for, and gives the response whatever its status is, with the record of how it came.
    ///
    /// Redirects are followed up to the request's limit, each on a connection of its own; credentials and cookies don't
    /// cross origins. One deadline covers all of it.
    /// - Returns: fires with the response, or fails with a `PageError`. `cancel()` closes the connection at once.
    public func fetch(_ request: PageRequest) -> Deferred<PageResponse> {
        let fetch = PageFetch(request, reactor: self)
        let deferred = fetch.deferred
        fetch.start()
        return deferred
    }
}
