// One Deferred of several results, good and bad.

/// The results of several Deferreds, when the last one is there.
///
/// It never fails: each result says for itself whether it is a value or a failure. To fail with the first failure, use
/// ``gather(_:file:line:)``. A failure that is in the list is handled, as far as its Deferred is concerned.
///
/// ```swift
/// let pages = ["http://a.example/", "http://b.example/"].map { reactor.getPage($0) }
/// DeferredList(pages).addCallback { results in
///     for case .failure(let error) in results { print(error) }
/// }
/// ```
///
/// Cancelling it cancels each member that nobody else waits for; it then fires with the results that are there, and a
/// ``CancelledError`` for each other member that has no result of its own to that.
public final class DeferredList<Value>: Deferred<[Result<Value, any Error>]> {
    /// Creates a list of the results of `deferreds`.
    ///
    /// - Parameters:
    ///   - deferreds: The members. The results come in their order. If there is none, the list fires at once.
    ///   - file: The place to name in reports; leave it out.
    ///   - line: The line to name in reports; leave it out.
    public init(_ deferreds: [Deferred<Value>], file: StaticString = #fileID, line: UInt = #line) {
        let members = Members()
        super.init(
            made: CallSite(file: file, line: line), flags: [], step: nil, canceller: { members.cancelAndListen() })
        noteMade()
        var results = [Result<Value, any Error>?](repeating: nil, count: deferreds.count)
        var missing = deferreds.count
        if missing == 0 { callback([], file: file, line: line) }
        for (index, deferred) in deferreds.enumerated() {
            members.follow(deferred) { [self] result in
                results[index] = result
                missing -= 1
                if missing == 0 { callback(results.compactMap { $0 }) }
            }
        }
    }
}
