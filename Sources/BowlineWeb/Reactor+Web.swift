// The doors that every reactor has: a page, or a response with all there is to know. They are its agent's.

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
        agent.getPage(url)
    }

    /// Fetches a page as `request` says, and gives its text.
    public func getPage(_ request: PageRequest) -> Deferred<String> {
        agent.getPage(request)
    }

    /// Fetches what `request` asks for, and gives the response whatever its status is, with the record of how it came.
    ///
    /// Redirects are followed up to the request's limit; credentials and cookies don't cross origins. One deadline
    /// covers all of it.
    /// - Returns: fires with the response, or fails with a `PageError`. `cancel()` closes the connection at once.
    public func fetch(_ request: PageRequest) -> Deferred<PageResponse> {
        agent.fetch(request)
    }

    /// Fetches a page by GET, and gives the response whatever its status is.
    ///
    /// - Parameter url: an http or https URL.
    /// - Returns: as `fetch(_:)` of a request.
    public func fetch(_ url: String) -> Deferred<PageResponse> {
        agent.fetch(url)
    }
}
