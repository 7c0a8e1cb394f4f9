// What goes wrong with a reactor itself.

public import BowlineDeferred

/// Fails whatever still waited when its reactor stopped: lookups, connections, awaits, work on threads.
///
/// ```swift
/// reactor.getPage("http://example.com/").onFailure { error in
///     if let error = error as? PageError, case .stopped = error.reason { print("no time for that any more") }
/// }
/// reactor.deferLater(.seconds(60)) {}.onFailure { error in
///     if error is ReactorStopped { print("not called") }
/// }
/// ```
public struct ReactorStopped: Error, Hashable, Sendable, CustomStringConvertible {
    /// Creates the error.
    public init() {}

    /// A sentence for people.
    public var description: String { "the reactor stopped" }
}

extension ReactorStopped: DeliberateEnding {
    /// True: whoever stopped the reactor knows that what waited has ended.
    public var isDeliberate: Bool { true }
}

/// Says why a reactor could not run.
///
/// ```swift
/// do {
///     try reactor.run(signals: true)
/// } catch ReactorError.signalsTaken {
///     try reactor.run()
/// }
/// ```
public enum ReactorError: Error, Hashable, Sendable, CustomStringConvertible {
    /// `run()` was called while it runs already, on this or another thread.
    case alreadyRunning
    /// Another reactor runs on this thread: its `run()` has not returned.
    case threadTaken
    /// Another reactor of this process handles the signals.
    case signalsTaken

    /// What is wrong and what to do, in a sentence.
    public var description: String {
        switch self {
        case .alreadyRunning: "the reactor runs already: run() was called again before it returned"
        case .threadTaken: "another reactor runs on this thread: give each reactor a thread of its own"
        case .signalsTaken: "another reactor of this process handles signals: run this one without them"
        }
    }
}

/// Fails a Deferred whose `timeout` passed.
///
/// ```swift
/// Deferred<Int>().timeout(.seconds(5), clock: reactor).onFailure { error in
///     if let error = error as? TimeoutError { print(error.after) }    // 5.0 seconds
/// }
/// ```
public struct TimeoutError: Error, Hashable, Sendable, CustomStringConvertible {
    /// How long was waited.
    public let after: Duration

    /// Creates the error of a wait of `after`.
    public init(after: Duration) { self.after = after }

    /// How long was waited, in a sentence.
    public var description: String { "timed out after \(after.inWords)" }
}
