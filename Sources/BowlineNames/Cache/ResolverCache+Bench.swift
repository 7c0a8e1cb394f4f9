// A door for Tools/bench, which is another package and can't call what is `package`. No part of the interface.

public import BowlineReactor

extension ResolverCache {
    /// Looks up, as the resolver does before it asks a server; true if that gives an answer.
    @_spi(Bench) @inline(never)
    public func answers(_ name: DomainName, _ type: RecordType, now: ReactorInstant) -> Bool {
        if case .hit = lookup(name, type, now: now) { true } else { false }
    }
}
