// Where failures go that nobody waits for. Called by a Deferred's deinit; it must not touch the Deferred later.

import Glibc
import Synchronization

/// A failure that was lost: it reached a ``Deferred`` that nobody followed, and that is gone now.
///
/// ```swift
/// UnhandledFailures.setHandler { failure in
///     print(failure.error, "of the Deferred made at", failure.origin)
/// }
/// ```
public struct UnhandledFailure: Sendable {
    /// The failure.
    public let error: any Error
    /// Where the Deferred was made: for what `addCallback` and its like returned, the place of that call.
    public let origin: CallSite
}

/// What is done about failures that nobody waits for.
///
/// A failure that reaches a ``Deferred`` which nobody ever followed is reported here, once, when that Deferred is
/// released. To say that a failure doesn't matter, end the chain with an errback. A `CancelledError` is not reported:
/// somebody gave up on purpose.
///
/// ```swift
/// UnhandledFailures.setHandler { failure in
///     print("\(failure.origin): nobody waits for the failure \(failure.error)")
/// }
/// ```
public enum UnhandledFailures {
    /// Does something about a lost failure. It is called on the thread of the Deferred, from its release.
    public typealias Handler = @Sendable (UnhandledFailure) -> Void

    private static let handler = Mutex<Handler?>(nil)

    /// Sets what is done about lost failures, in the whole process.
    ///
    /// May be called from any thread.
    ///
    /// - Parameter handler: Is called with each; `nil` brings back the default: a line on the standard error stream.
    /// - Returns: The handler until now; `nil` for the default.
    @discardableResult
    public static func setHandler(_ handler: Handler?) -> Handler? {
        self.handler.withLock { current in
            defer { current = handler }
            return current
        }
    }

    static func report(_ failure: UnhandledFailure) {
        if let ending = failure.error as? any DeliberateEnding, ending.isDeliberate { return }
        if let handler = handler.withLock({ $0 }) { return handler(failure) }
        var line = "Unhandled failure of the Deferred made at \(failure.origin): \(failure.error)\n"
        // One write, so that lines of several threads don't mix; an error of it has nowhere to go.
        line.withUTF8 { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
