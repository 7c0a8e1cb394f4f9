// The link of those who leave a value as it is: errbacks, and those who only look.
// Made by `addErrback`, `onSuccess`, `onFailure` and `onResult` alone.

@usableFromInline
final class Recovery<Value>: Deferred<Value> {
    @usableFromInline
    enum Function {
        case errback((any Error) throws -> Value)
        case errbackDeferred((any Error) throws -> Deferred<Value>)
        case onSuccess((Value) -> Void)
        case onFailure((any Error) -> Void)
        case onResult((Result<Value, any Error>) -> Void)
    }

    /// The user's function, until it is called or known not to be.
    @exclusivity(unchecked) @usableFromInline var function: Function?

    @inlinable
    init(_ function: Function, made: CallSite) {
        self.function = function
        super.init(
            made: made, flags: .link,
            step: { follower, upstream in
                unsafeDowncast(follower, to: Recovery<Value>.self).take(upstream)
            })
    }

    @inlinable
    func take(_ upstream: DeferredNode?) {
        // Called a second time, it has waited for what the function returned.
        guard let function = function.take() else { return copy(upstream) }
        flags.insert(.running)
        if let value = Self.value(of: upstream) {
            switch consume function {
            case .onSuccess(let look): look(value)
            case .onResult(let look): look(.success(value))
            case .errback, .errbackDeferred, .onFailure: break
            }
            succeed(value)
        } else {
            let error = upstream?.failure ?? CancelledError()
            do {
                switch consume function {
                case .errback(let call): return succeed(try call(error))
                case .errbackDeferred(let call): return adopt(try call(error))
                case .onFailure(let look): look(error)
                case .onResult(let look): look(.failure(error))
                case .onSuccess: break
                }
                fail(error)
            } catch {
                fail(error)
            }
        }
    }
}
