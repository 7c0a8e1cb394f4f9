// The first of several Deferreds that succeeds. (Racing connection attempts is more than this: see BowlineConnect.)

/// The failure of a ``race(_:file:line:)`` that nobody won.
///
/// ```swift
/// race([Deferred<Int>.failed(CancelledError()), .failed(TimeoutError(after: .seconds(1)))])
///     .onFailure { error in
///         if let error = error as? RaceError { print(error.failures.count) }      // 2
///     }
/// ```
public struct RaceError: Error, CustomStringConvertible {
    /// The failure of each member, in their order.
    public let failures: [any Error]

    /// Creates the error.
    ///
    /// - Parameter failures: The failure of each member, in their order.
    public init(failures: [any Error]) { self.failures = failures }

    /// A sentence for logs.
    public var description: String {
        failures.isEmpty
            ? "there was nothing to race"
            : "all \(failures.count) failed: " + failures.map { "\($0)" }.joined(separator: "; ")
    }
}

/// Waits for the first of `deferreds` that succeeds, and cancels the others.
///
/// ```swift
/// let mirrors = ["http://a.example/", "http://b.example/"].map { reactor.getPage($0) }
/// race(mirrors)
///     .addCallback { winner in print("mirror", winner.index, "said", winner.value) }
///     .addErrback { error in print(error) }  // a RaceError, with the failure of each
/// ```
///
/// - Parameters:
///   - deferreds: The members.
///   - file: The place to name in reports; leave it out.
///   - line: The line to name in reports; leave it out.
/// - Returns: A Deferred of the winner's index, from 0, and its value. When it fires, those losers that nobody else waits
///   for have been cancelled; what they say later is ignored. It fails with ``RaceError`` when all have failed, and at
///   once if there is no member. To cancel it is to cancel each member that nobody else waits for.
public func race<Value>(
    _ deferreds: [Deferred<Value>], file: StaticString = #fileID, line: UInt = #line
) -> Deferred<(index: Int, value: Value)> {
    let members = Members()
    let output = Deferred<(index: Int, value: Value)>(canceller: { members.cancel() }, file: file, line: line)
    var failures = [(any Error)?](repeating: nil, count: deferreds.count)
    var missing = deferreds.count
    if missing == 0 { output.errback(RaceError(failures: []), file: file, line: line) }
    for (index, deferred) in deferreds.enumerated() {
        members.follow(deferred) { result in
            if members.isDone { return }
            switch result {
            case .success(let value):
                members.cancel()
                // A loser's canceller may have given up the race itself.
                if !output.isFired { output.callback((index, value)) }
            case .failure(let error):
                failures[index] = error
                missing -= 1
                if missing == 0 { output.errback(RaceError(failures: failures.compactMap { $0 })) }
            }
        }
        // One that had its value already has won: those that come after it have lost before they started.
        if members.isDone { members.cancel() }
    }
    return output
}
