// The link that a callback makes: a Deferred of another value, which holds the user's function until it has run.
// Made by `addCallback`, `addBoth` and `addCallbacks` alone. `Returned` is what the function returns: the `Output`, or
// something to wait for that gives it.

@usableFromInline
final class Transform<Input, Returned, Output>: Deferred<Output> {
    @usableFromInline
    enum Function {
        case callback((Input) throws -> Returned)
        case both((Result<Input, any Error>) throws -> Returned)
        indirect case callbacks((Input) throws -> Returned, (any Error) throws -> Returned)
    }

    /// The user's function, until it is called or known not to be.
    @exclusivity(unchecked) @usableFromInline var function: Function?

    @inlinable
    init(_ function: Function, made: CallSite, step: @escaping Step) {
        self.function = function
        super.init(made: made, flags: .link, step: step)
    }

    /// Calls the function on what `upstream` has, and gives what it returns to `finish`, with this link, which `finish`
    /// needn't capture then.
    @inlinable
    func take(_ upstream: DeferredNode?, finish: (Transform, Returned) -> Void) {
        // Called a second time, it has waited for what the function returned.
        guard let function = function.take() else { return copy(upstream) }
        flags.insert(.running)
        do {
            if let value = Deferred<Input>.value(of: upstream) {
                switch consume function {
                case .callback(let call), .callbacks(let call, _): finish(self, try call(consume value))
                case .both(let call): finish(self, try call(.success(consume value)))
                }
            } else {
                let error = upstream?.failure ?? CancelledError()
                switch consume function {
                case .callback: fail(error)
                case .both(let call): finish(self, try call(.failure(error)))
                case .callbacks(_, let call): finish(self, try call(error))
                }
            }
        } catch {
            fail(error)
        }
    }
}

extension Transform where Returned == Output {
    /// Creates a link whose result is what the function returns.
    @inlinable
    convenience init(_ function: Function, made: CallSite) {
        self.init(function, made: made) { follower, upstream in
            unsafeDowncast(follower, to: Transform<Input, Output, Output>.self).take(upstream) { $0.succeed($1) }
        }
    }
}

extension Transform where Returned: DeferredConvertible, Returned.Value == Output {
    /// Creates a link that waits for what the function returns.
    @inlinable
    convenience init(waiting function: Function, made: CallSite) {
        self.init(function, made: made) { follower, upstream in
            unsafeDowncast(follower, to: Transform<Input, Returned, Output>.self)
                .take(upstream) { $0.adopt($1.deferred) }
        }
    }
}
