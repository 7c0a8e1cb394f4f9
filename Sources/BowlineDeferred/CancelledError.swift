// The error of what was given up on purpose. Raised by `cancel()` alone, never by the network.

/// The failure of a ``Deferred`` that was cancelled.
///
/// Nobody is told about a cancelled Deferred that nobody follows: who cancelled it knows.
///
/// ```swift
/// let page = reactor.getPage("http://example.com/")
/// page.onFailure { error in
///     if error is CancelledError { print("given up") }
/// }
/// page.cancel()
/// ```
public struct CancelledError: Error, Hashable, CustomStringConvertible {
    /// Creates the error.
    public init() {}

    /// A sentence for logs.
    public var description: String { "the operation was cancelled" }
}

extension CancelledError: DeliberateEnding {
    /// True: that is what it means.
    public var isDeliberate: Bool { true }
}
