// One Deferred of several results, for as long as all go well. For all results whatever they are, see DeferredList.

/// The failure of a ``gather(_:file:line:)``: that of the member which failed first.
///
/// ```swift
/// gather([Deferred<Int>.succeeded(1), .failed(CancelledError())])
///     .addErrback { error in
///         if let first = error as? FirstError { print(first.index, first.error) }  // 1, and why
///         return []
///     }
/// ```
public struct FirstError: Error, CustomStringConvertible {
    /// The place of the member in the list, from 0.
    public let index: Int
    /// The failure of the member.
    public let error: any Error

    /// Creates the error.
    ///
    /// - Parameters:
    ///   - index: The place of the member in the list, from 0.
    ///   - error: The failure of the member.
    public init(index: Int, error: any Error) {
        self.index = index
        self.error = error
    }

    /// A sentence for logs.
    public var description: String { "number \(index) failed: \(error)" }
}

/// Waits for all of `deferreds`, and collects their values.
///
/// ```swift
/// let a = Deferred<Int>(), b = Deferred<Int>()
/// gather([a, b]).addCallback { values in print(values) }
/// b.callback(2)
/// a.callback(1)  // prints "[1, 2]"
/// ```
///
/// - Parameters:
///   - deferreds: The members.
///   - file: The place to name in reports; leave it out.
///   - line: The line to name in reports; leave it out.
/// - Returns: A Deferred of the values in the order of the members: fires when the last one is there, at once if there
///   is no member. It fails with ``FirstError`` as soon as a member fails; the others then go on by themselves. To
///   cancel it is to cancel each member that nobody else waits for.
public func gather<Value>(
    _ deferreds: [Deferred<Value>], file: StaticString = #fileID, line: UInt = #line
) -> Deferred<[Value]> {
    let gathering = Gathering<[Value]>(CallSite(file: file, line: line))
    var values = [Value?](repeating: nil, count: deferreds.count)
    var missing = deferreds.count
    if missing == 0 { gathering.output.callback([], file: file, line: line) }
    for (index, deferred) in deferreds.enumerated() {
        gathering.follow(deferred, at: index) { value in
            values[index] = value
            missing -= 1
            return missing == 0 ? values.compactMap { $0 } : nil
        }
    }
    return gathering.output
}

/// Waits for two Deferreds, whose types may differ.
///
/// - Parameters:
///   - first: The member with index 0.
///   - second: The member with index 1.
///   - file: The place to name in reports; leave it out.
///   - line: The line to name in reports; leave it out.
/// - Returns: A Deferred of both values, that fails with ``FirstError`` as soon as one fails. To cancel it is to cancel
///   each that nobody else waits for.
public func gather<First, Second>(
    _ first: Deferred<First>, _ second: Deferred<Second>, file: StaticString = #fileID, line: UInt = #line
) -> Deferred<(First, Second)> {
    let gathering = Gathering<(First, Second)>(CallSite(file: file, line: line))
    var values: (First?, Second?) = (nil, nil)
    func complete() -> (First, Second)? {
        if let first = values.0, let second = values.1 { (first, second) } else { nil }
    }
    gathering.follow(first, at: 0) {
        values.0 = $0
        return complete()
    }
    gathering.follow(second, at: 1) {
        values.1 = $0
        return complete()
    }
    return gathering.output
}

/// Waits for three Deferreds, whose types may differ.
///
/// - Parameters:
///   - first: The member with index 0.
///   - second: The member with index 1.
///   - third: The member with index 2.
///   - file: The place to name in reports; leave it out.
///   - line: The line to name in reports; leave it out.
/// - Returns: A Deferred of the values, that fails with ``FirstError`` as soon as one fails. To cancel it is to cancel
///   each that nobody else waits for.
public func gather<First, Second, Third>(
    _ first: Deferred<First>, _ second: Deferred<Second>, _ third: Deferred<Third>,
    file: StaticString = #fileID, line: UInt = #line
) -> Deferred<(First, Second, Third)> {
    let gathering = Gathering<(First, Second, Third)>(CallSite(file: file, line: line))
    var values: (First?, Second?, Third?) = (nil, nil, nil)
    func complete() -> (First, Second, Third)? {
        if let first = values.0, let second = values.1, let third = values.2 { (first, second, third) } else { nil }
    }
    gathering.follow(first, at: 0) {
        values.0 = $0
        return complete()
    }
    gathering.follow(second, at: 1) {
        values.1 = $0
        return complete()
    }
    gathering.follow(third, at: 2) {
        values.2 = $0
        return complete()
    }
    return gathering.output
}

/// What the `gather` functions share: members of any type, and the first failure.
private struct Gathering<Output> {
    let output: Deferred<Output>
    let members: Members

    init(_ site: CallSite) {
        let members = Members()
        self.members = members
        output = Deferred(made: site, flags: [], canceller: { members.cancel() })
        output.noteMade()
    }

    /// Follows `deferred`; `take` keeps its value, and returns the output if that was the last one.
    func follow<Value>(_ deferred: Deferred<Value>, at index: Int, _ take: @escaping (Value) -> Output?) {
        // A member that had failed already has decided.
        if members.isDone { return }
        members.follow(deferred) { [self] result in
            if members.isDone { return }
            switch result {
            case .success(let value):
                guard let all = take(value) else { return }
                members.dismiss()
                output.callback(all)
            case .failure(let error):
                members.dismiss()
                output.errback(FirstError(index: index, error: error))
            }
        }
    }
}
