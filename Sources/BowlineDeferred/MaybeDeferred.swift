// Turns what a function does, at once or later, well or badly, into a Deferred.

/// Calls `function` and makes a Deferred of what it returns or throws.
///
/// ```swift
/// maybeDeferred { try DomainName("example.com") }
///     .addCallback { name in print(name) }
///     .addErrback { error in print("not a name:", error) }
/// ```
///
/// - Parameters:
///   - file: The place to name in reports; leave it out.
///   - line: The line to name in reports; leave it out.
///   - function: Is called once, now.
/// - Returns: A Deferred that has fired, with the value or the error.
@inlinable
public func maybeDeferred<Value>(
    file: StaticString = #fileID, line: UInt = #line, _ function: () throws -> Value
) -> Deferred<Value> {
    do {
        return .succeeded(try function(), file: file, line: line)
    } catch {
        return .failed(error, file: file, line: line)
    }
}

/// Calls `function` and returns the Deferred that it returns, or a failed one if it throws.
///
/// - Parameters:
///   - file: The place to name in reports; leave it out.
///   - line: The line to name in reports; leave it out.
///   - function: Is called once, now.
/// - Returns: The very Deferred of `function`; or one that has failed with what it throws.
@inlinable
public func maybeDeferred<Operation: DeferredConvertible>(
    file: StaticString = #fileID, line: UInt = #line, _ function: () throws -> Operation
) -> Deferred<Operation.Value> {
    do {
        return try function().deferred
    } catch {
        return .failed(error, file: file, line: line)
    }
}
