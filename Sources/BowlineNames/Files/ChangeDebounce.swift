// When to read a file that is being changed: not while it is half written, and not once for each of ten changes.

import BowlineReactor

/// Turns changes as they come into one moment for reading.
struct ChangeDebounce {
    /// After a change that may be the last one of several.
    static let quiet: Duration = .milliseconds(100)
    /// After the first change, whatever goes on: a writer may keep its file open for ever.
    static let longest: Duration = .seconds(1)

    private var first: ReactorInstant?

    /// Takes in a change.
    /// - Parameter isWriting: whether the writer hasn't closed the file yet.
    /// - Returns: when to read, in place of what was said before.
    mutating func note(isWriting: Bool, at now: ReactorInstant) -> ReactorInstant {
        let first = self.first ?? now
        self.first = first
        let latest = first + Self.longest
        return isWriting ? latest : min(now + Self.quiet, latest)
    }

    /// The reading begins: what changes now counts anew.
    mutating func end() {
        first = nil
    }
}
