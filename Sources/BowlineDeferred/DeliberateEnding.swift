// Failures that nobody needs to be told of, since somebody meant them. Asked when a failure is about to be lost.

/// An error that may say that somebody ended the operation on purpose: cancelled it, or stopped its reactor.
///
/// A Deferred that fails with one and that nobody follows is not reported as an unhandled failure.
/// ```swift
/// enum ScanError: DeliberateEnding {
///     case skipped, unreadable
///     var isDeliberate: Bool { self == .skipped }
/// }
/// ```
public protocol DeliberateEnding: Error {
    /// Whether this one says so.
    var isDeliberate: Bool { get }
}
