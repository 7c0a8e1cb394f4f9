// What one adds to a Deferred. Each function here makes one link, which holds the function until it has run, and lets
// it follow. Overload pairs differ in what the function returns: a value, or a Deferred to wait for.

extension Deferred {
    // MARK: Making something of the result

    /// Calls `function` with the value, once it is there.
    ///
    /// - Parameters:
    ///   - file: The place to name in reports; leave it out.
    ///   - line: The line to name in reports; leave it out.
    ///   - function: Makes the next value of this one. It isn't called if this Deferred fails.
    /// - Returns: The Deferred of what `function` returns. It fails with what `function` throws, and with this one's
    ///   failure.
    @inlinable @discardableResult
    public final func addCallback<Next>(
        file: StaticString = #fileID, line: UInt = #line, _ function: @escaping (Value) throws -> Next
    ) -> Deferred<Next> {
        follow(by: .callback(function), CallSite(file: file, line: line))
    }

    /// Calls `function` with the value, once it is there, and waits for the Deferred that it returns.
    ///
    /// - Parameters:
    ///   - file: The place to name in reports; leave it out.
    ///   - line: The line to name in reports; leave it out.
    ///   - function: Starts the next operation with this one's value. It isn't called if this Deferred fails.
    /// - Returns: A Deferred with the result of the one that `function` returns, to which a `cancel()` is passed on. It
    ///   fails with what `function` throws, and with this one's failure.
    @inlinable @discardableResult
    public final func addCallback<Operation: DeferredConvertible>(
        file: StaticString = #fileID, line: UInt = #line, _ function: @escaping (Value) throws -> Operation
    ) -> Deferred<Operation.Value> {
        follow(byWaiting: .callback(function), CallSite(file: file, line: line))
    }

    /// Calls `function` with the error, if this Deferred fails, and goes on with the value that it returns.
    ///
    /// To look at the error and leave it in place, use ``onFailure(file:line:_:)``.
    ///
    /// - Parameters:
    ///   - file: The place to name in reports; leave it out.
    ///   - line: The line to name in reports; leave it out.
    ///   - function: Makes a value in place of the one that isn't to be had, or throws. It isn't called if this
    ///     Deferred succeeds.
    /// - Returns: A Deferred with this one's value, or with what `function` makes of its failure.
    @inlinable @discardableResult
    public final func addErrback(
        file: StaticString = #fileID, line: UInt = #line, _ function: @escaping (any Error) throws -> Value
    ) -> Deferred<Value> {
        follow(by: .errback(function), CallSite(file: file, line: line))
    }

    /// Calls `function` with the error, if this Deferred fails, and waits for the Deferred that it returns.
    ///
    /// - Parameters:
    ///   - file: The place to name in reports; leave it out.
    ///   - line: The line to name in reports; leave it out.
    ///   - function: Starts another attempt, or throws. It isn't called if this Deferred succeeds.
    /// - Returns: A Deferred with this one's value, or with the result of the Deferred that `function` returns.
    @inlinable @discardableResult
    public final func addErrback<Operation: DeferredConvertible<Value>>(
        file: StaticString = #fileID, line: UInt = #line, _ function: @escaping (any Error) throws -> Operation
    ) -> Deferred<Value> {
        follow(by: .errbackDeferred { try function($0).deferred }, CallSite(file: file, line: line))
    }

    /// Calls `function` with the result, whatever it is.
    ///
    /// - Parameters:
    ///   - file: The place to name in reports; leave it out.
    ///   - line: The line to name in reports; leave it out.
    ///   - function: Makes the next value of this one's value or error.
    /// - Returns: The Deferred of what `function` returns or throws.
    @inlinable @discardableResult
    public final func addBoth<Next>(
        file: StaticString = #fileID, line: UInt = #line,
        _ function: @escaping (Result<Value, any Error>) throws -> Next
    ) -> Deferred<Next> {
        follow(by: .both(function), CallSite(file: file, line: line))
    }

    /// Calls `function` with the result, whatever it is, and waits for the Deferred that it returns.
    ///
    /// - Parameters:
    ///   - file: The place to name in reports; leave it out.
    ///   - line: The line to name in reports; leave it out.
    ///   - function: Starts the next operation with this one's value or error.
    /// - Returns: A Deferred with the result of the one that `function` returns, or with what it throws.
    @inlinable @discardableResult
    public final func addBoth<Operation: DeferredConvertible>(
        file: StaticString = #fileID, line: UInt = #line,
        _ function: @escaping (Result<Value, any Error>) throws -> Operation
    ) -> Deferred<Operation.Value> {
        follow(byWaiting: .both(function), CallSite(file: file, line: line))
    }

    /// Calls one of two functions: `callback` with the value, or `errback` with the error.
    ///
    /// Unlike an errback added after a callback, this `errback` doesn't see what `callback` throws.
    ///
    /// - Parameters:
    ///   - callback: Makes the next value of this one.
    ///   - errback: Makes the next value of this one's error.
    ///   - file: The place to name in reports; leave it out.
    ///   - line: The line to name in reports; leave it out.
    /// - Returns: The Deferred of what the function that was called returns or throws.
    @inlinable @discardableResult
    public final func addCallbacks<Next>(
        _ callback: @escaping (Value) throws -> Next, _ errback: @escaping (any Error) throws -> Next,
        file: StaticString = #fileID, line: UInt = #line
    ) -> Deferred<Next> {
        follow(by: .callbacks(callback, errback), CallSite(file: file, line: line))
    }

    /// Calls one of two functions, `callback` with the value or `errback` with the error, and waits for the Deferred
    /// that it returns.
    ///
    /// - Parameters:
    ///   - callback: Starts the next operation with this one's value.
    ///   - errback: Starts the next operation with this one's error.
    ///   - file: The place to name in reports; leave it out.
    ///   - line: The line to name in reports; leave it out.
    /// - Returns: A Deferred with the result of the one that the called function returns, or with what it throws.
    @inlinable @discardableResult
    public final func addCallbacks<Operation: DeferredConvertible>(
        _ callback: @escaping (Value) throws -> Operation, _ errback: @escaping (any Error) throws -> Operation,
        file: StaticString = #fileID, line: UInt = #line
    ) -> Deferred<Operation.Value> {
        follow(byWaiting: .callbacks(callback, errback), CallSite(file: file, line: line))
    }

    // MARK: Looking at the result

    /// Calls `function` with the value, once it is there, and passes the result on unchanged.
    ///
    /// - Parameters:
    ///   - file: The place to name in reports; leave it out.
    ///   - line: The line to name in reports; leave it out.
    ///   - function: Looks at the value. It isn't called if this Deferred fails.
    /// - Returns: A Deferred with the same result.
    @inlinable @discardableResult
    public final func onSuccess(
        file: StaticString = #fileID, line: UInt = #line, _ function: @escaping (Value) -> Void
    ) -> Deferred<Value> {
        follow(by: .onSuccess(function), CallSite(file: file, line: line))
    }

    /// Calls `function` with the error, if this Deferred fails, and passes the result on unchanged.
    ///
    /// The failure is still to be dealt with by whoever follows the returned Deferred; if nobody does, it is reported
    /// by ``UnhandledFailures``.
    ///
    /// - Parameters:
    ///   - file: The place to name in reports; leave it out.
    ///   - line: The line to name in reports; leave it out.
    ///   - function: Looks at the error. It isn't called if this Deferred succeeds.
    /// - Returns: A Deferred with the same result.
    @inlinable @discardableResult
    public final func onFailure(
        file: StaticString = #fileID, line: UInt = #line, _ function: @escaping (any Error) -> Void
    ) -> Deferred<Value> {
        follow(by: .onFailure(function), CallSite(file: file, line: line))
    }

    /// Calls `function` with the result, whatever it is, and passes it on unchanged.
    ///
    /// - Parameters:
    ///   - file: The place to name in reports; leave it out.
    ///   - line: The line to name in reports; leave it out.
    ///   - function: Looks at the value or the error.
    /// - Returns: A Deferred with the same result.
    @inlinable @discardableResult
    public final func onResult(
        file: StaticString = #fileID, line: UInt = #line, _ function: @escaping (Result<Value, any Error>) -> Void
    ) -> Deferred<Value> {
        follow(by: .onResult(function), CallSite(file: file, line: line))
    }

    // MARK: What newcomers write first

    /// Says what to use in place of an errback without a value.
    @available(
        *, unavailable,
        message: "an errback returns a value in place of the failure; to only look at the error, use onFailure"
    )
    @_disfavoredOverload @discardableResult
    public final func addErrback(_ function: @escaping (any Error) throws -> Void) -> Deferred<Value> {
        fatalError("unavailable")
    }

    // MARK: Making the link

    @inlinable
    final func follow<Next>(by function: Transform<Value, Next, Next>.Function, _ site: CallSite) -> Deferred<Next> {
        let link = Transform(function, made: site)
        link.noteMade()
        follow(link)
        return link
    }

    @inlinable
    final func follow<Operation: DeferredConvertible>(
        byWaiting function: Transform<Value, Operation, Operation.Value>.Function, _ site: CallSite
    ) -> Deferred<Operation.Value> {
        let link = Transform(waiting: function, made: site)
        link.noteMade()
        follow(link)
        return link
    }

    @inlinable
    final func follow(by function: Recovery<Value>.Function, _ site: CallSite) -> Deferred<Value> {
        let link = Recovery(function, made: site)
        link.noteMade()
        follow(link)
        return link
    }
}
