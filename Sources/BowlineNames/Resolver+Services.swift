// HTTPS records of an origin, over their aliases. Nothing connects by them yet; whoever looks them up gets what may be used.

public import BowlineDeferred

extension Resolver {
    /// Looks up the HTTPS records of an origin, and follows their aliases (RFC 9460, 3).
    ///
    /// That there are none is an answer, and a failure to find out is none the caller should suffer for: it is as if there
    /// were no such records (RFC 9460, 3.1).
    ///
    /// - Parameters:
    ///   - port: the URL's; any but 443 is part of the name asked (`_8443._https.example.com`).
    ///   - timeout: for each lookup on the way.
    /// - Returns: fires with the services in the order in which to try them, or with none. Fails with a `NameError` if the
    ///   host is no name, and when cancelled.
    public func services(
        of host: String, port: UInt16 = 443, timeout: Duration = LookupRequest.defaultTimeout
    ) -> Deferred<[ServiceBinding]> {
        let name = port == 443 ? host : "_\(port)._https.\(host)"
        return services(of: name, timeout: timeout, aliasesLeft: ServiceBinding.maximumAliases)
    }

    private func services(of name: String, timeout: Duration, aliasesLeft: Int) -> Deferred<[ServiceBinding]> {
        lookup(name, types: [.https], timeout: timeout).addCallbacks { answer -> Deferred<[ServiceBinding]> in
            var generator = SystemRandomNumberGenerator()
            let usable = ServiceBinding.usable(answer.questions.flatMap(\.records), using: &generator)
            guard let alias = usable.first, alias.isAlias else { return .succeeded(usable) }
            guard !alias.target.isRoot, aliasesLeft > 0 else { return .succeeded([]) }
            return self.services(of: alias.target.text, timeout: timeout, aliasesLeft: aliasesLeft - 1)
        } _: { error -> Deferred<[ServiceBinding]> in
            error is LookupError ? .succeeded([]) : .failed(error)
        }
    }
}

extension ServiceBinding {
    /// How many aliases of HTTPS records are followed. Each is a lookup; the RFC only says that there must be a bound.
    static let maximumAliases = 8
}
