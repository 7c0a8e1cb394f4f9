// What everybody above asks for names. The default one asks the DNS (DNSResolver); the test kit has a scripted one.

public import BowlineDeferred
public import BowlineReactor

/// Looks up names.
///
/// Replace a reactor's by setting `reactor.resolver`, before or while it runs.
///
/// ```swift
/// /// Tells the log what is asked, and has somebody else answer.
/// final class LoggingResolver: Resolver {
///     private let next: any Resolver
///     init(_ next: any Resolver) { self.next = next }
///
///     func resolve(_ request: LookupRequest, onAnswer: ((TypeAnswer) -> Void)?) -> Deferred<LookupAnswer> {
///         print("looking up", request.host)
///         return next.resolve(request, onAnswer: onAnswer)
///     }
///     var cache: ResolverCache { next.cache }
///     func reactorStopped() { next.reactorStopped() }
/// }
/// reactor.resolver = LoggingResolver(reactor.resolver)
/// ```
public protocol Resolver: AnyObject {
    /// Looks up the records of a name.
    ///
    /// - Parameters:
    ///   - request: what to look up.
    ///   - onAnswer: called with the answer of each type as it comes, from the loop; from inside this call if the
    ///     answer is known already. Not called after cancellation.
    /// - Returns: fires when every type has been answered or given up: with all answers if any type has records, else
    ///   with a `LookupError` that says why not, or a `NameError` if the host is no name. Cancelling leaves the lookup
    ///   and harms nobody else who waits for the same name.
    func resolve(_ request: LookupRequest, onAnswer: ((TypeAnswer) -> Void)?) -> Deferred<LookupAnswer>

    /// What this resolver remembers, to be looked into.
    var cache: ResolverCache { get }

    /// The reactor stops: every lookup fails with `ReactorStopped`, and every socket is closed.
    func reactorStopped()

    /// Reads the configuration anew.
    func reload()

    /// The questions that wait for their answers, the oldest first.
    func inFlight() -> [QuestionSnapshot]

    /// Of these, the ones that a lookup of a host waits for: about its name, or about what the search list makes of it.
    ///
    /// - Parameter host: as it is looked up; with a dot at its end it stands for itself alone.
    func inFlight(for host: String) -> [QuestionSnapshot]

    /// The servers that it asks, with what is known of each.
    func servers() -> [ServerSnapshot]

    /// What the next lookup of a host would find, and why.
    ///
    /// - Parameter port: the port of the connection that the addresses are for; only pins depend on it.
    func explain(_ host: String, port: UInt16?) -> NameExplanation

    /// The addresses that the user has decided on.
    func pinned() -> [Pin]
}

extension Resolver {
    /// Looks up the addresses of a name, or the records of the types given.
    ///
    /// ```swift
    /// let answer = try await reactor.resolver.lookup("example.com").value
    /// print(answer.addresses)
    /// ```
    public func lookup(
        _ host: String, types: [RecordType] = [.aaaa, .a], timeout: Duration = LookupRequest.defaultTimeout
    ) -> Deferred<LookupAnswer> {
        resolve(LookupRequest(host, types: types, timeout: timeout), onAnswer: nil)
    }

    /// Does nothing.
    public func reload() {}

    /// None: this resolver doesn't tell.
    public func inFlight() -> [QuestionSnapshot] { [] }

    /// Those about the host's name: of a search list nothing is known.
    public func inFlight(for host: String) -> [QuestionSnapshot] {
        guard let name = try? DomainName(host) else { return [] }
        return inFlight().filter { $0.name == name }
    }

    /// None: this resolver doesn't tell.
    public func servers() -> [ServerSnapshot] { [] }

    /// None.
    public func pinned() -> [Pin] { [] }

    /// What the cache has on the name.
    public func explain(_ host: String, port: UInt16?) -> NameExplanation {
        let name = try? DomainName(host)
        var explanation = NameExplanation(host: host, name: name, source: .network)
        if let name { explanation.entries = cache.snapshot(of: name) }
        return explanation
    }

    /// What the next lookup of a host would find, and why, whatever the port.
    public func explain(_ host: String) -> NameExplanation { explain(host, port: nil) }
}

/// Carries a reactor's resolver.
private enum ResolverSlot: ReactorSlot {
    static func makeDefault(for reactor: Reactor) -> any Resolver { DNSResolver(reactor: reactor) }
    static func reactorStopped(_ value: any Resolver) { value.reactorStopped() }
    static func reload(_ value: any Resolver) { value.reload() }
}

extension Reactor {
    /// Who looks up names for this reactor. A `DNSResolver` with the system's configuration unless set.
    public var resolver: any Resolver {
        get { self[ResolverSlot.self] }
        set { self[ResolverSlot.self] = newValue }
    }
}
