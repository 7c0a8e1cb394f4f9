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

    /// Calls the function on what `upstream` has, and gives what it returns to `finish`.
    @inlinable
    func take(_ upstream: DeferredNode?, finish: (Returned) -> Void) {
        guard let function else { return }
        self.function = nil
        flags.insert(.running)
        do {
            if let value = Deferred<Input>.value(of: upstream) {
                switch function {
                case .callback(let call), .callbacks(let call, _): finish(try call(value))
                case .both(let call): finish(try call(.success(value)))
                }
            } else {
                let error = upstream?.failure ?? CancelledError()
                switch function {
                case .callback: fail(error)
                case .both(let call): finish(try call(.failure(error)))
                case .callbacks(_, let call): finish(try call(error))
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
            let link = unsafeDowncast(follower, to: Transform<Input, Output, Output>.self)
            link.take(upstream) { link.succeed($0) }
        }
    }
}

extension Transform where Returned: DeferredConvertible, Returned.Value == Output {
    /// Creates a link that waits for what the function returns.
    @inlinable
    convenience init(waiting function: Function, made: CallSite) {
        self.init(function, made: made) { follower, upstream in
            let link = unsafeDowncast(follower, to: Transform<Input, Returned, Output>.self)
            link.take(upstream) { link.adopt($0.deferred) }
        }
    }
}
