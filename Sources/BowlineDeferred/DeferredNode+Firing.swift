// The rules of firing: who may, how often, and what the program dies of when it breaks them.

extension DeferredNode.Flags {
    /// It has fired and nobody ever waited for it.
    @inlinable var isUnhandled: Bool { intersection([.fired, .followed]) == .fired }
}

extension DeferredNode {
    /// Whether a firing at `site` counts; `false` for the one that is ignored after a cancellation.
    @inlinable
    final func mayFire(_ site: CallSite) -> Bool {
        if flags.isDisjoint(with: [.fired, .link]) {
            fired = site
            return true
        }
        return mayIgnoreFiring(site)
    }

    /// Ends the program, but for the one firing that a producer without canceller owes after a cancellation.
    @usableFromInline
    final func mayIgnoreFiring(_ site: CallSite) -> Bool {
        if flags.contains(.swallowsFiring) {
            flags.remove(.swallowsFiring)
            fired = site
            return false
        }
        // fatalError, since a precondition's message is lost in release builds.
        if flags.contains(.link) {
            fatalError(
                "\(site): this Deferred gets its result from the function that was added at \(made); "
                    + "only the Deferred at the head of the chain is fired by callback(_:) and errback(_:).")
        }
        let history =
            switch (flags.contains(.cancelled), fired) {
            case (false, let first?): "was fired at \(first) already"
            case (false, nil): "has its result already"
            case (true, let first?): "was cancelled, and fired at \(first) already"
            case (true, nil): "was cancelled; its canceller should have stopped what fires it"
            }
        fatalError("\(site): this Deferred, made at \(made), \(history). A Deferred is fired once.")
    }

    /// Notes that the result is there, and lets go of what was needed only to get it.
    @inlinable
    final func settled() {
        flags.subtract([.running, .adopting])
        flags.insert(.fired)
        // The old one is released after the access: what it captured may come back here.
        if canceller != nil { _ = canceller.take() }
        if flags.contains(.registered) { DeferredDiagnostics.update(self) }
    }
}
