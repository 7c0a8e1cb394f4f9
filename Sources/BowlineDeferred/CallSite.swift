// Where in the user's source something was done to a Deferred: small enough to keep two in each.
// Made by the default arguments `#fileID` and `#line`; read only by diagnostics.

/// A place in source code, as in `Finger/Client.swift:12`.
///
/// Reports of lost failures and of misuse name the place where a ``Deferred`` was made or fired.
///
/// ```swift
/// UnhandledFailures.setHandler { failure in
///     print("lost:", failure.error, "of", failure.origin)
/// }
/// ```
public struct CallSite: Sendable, Hashable, CustomStringConvertible {
    // `StaticString` takes 17 bytes, and a Deferred keeps two of these.
    // nonisolated(unsafe): the pointer is a literal's, constant for the life of the process.
    @usableFromInline nonisolated(unsafe) let start: UnsafePointer<UInt8>
    @usableFromInline let number: UInt32

    /// Creates the place that a function's default arguments name.
    ///
    /// - Parameters:
    ///   - file: The file, as `#fileID` gives it.
    ///   - line: The line, from 1.
    @inlinable
    public init(file: StaticString = #fileID, line: UInt = #line) {
        start = file.utf8Start
        number = UInt32(truncatingIfNeeded: line)
    }

    /// The module and file, as in `Finger/Client.swift`.
    public var file: String { String(cString: start) }

    /// The line, from 1.
    public var line: Int { Int(number) }

    /// The file and the line with a colon between them.
    public var description: String { "\(file):\(number)" }

    /// Whether both are the same line of the same file.
    public static func == (left: CallSite, right: CallSite) -> Bool {
        left.number == right.number && left.file == right.file
    }

    /// Feeds the file and the line to `hasher`.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(file)
        hasher.combine(number)
    }
}
