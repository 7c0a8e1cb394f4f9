// The cache between runs: whether there is one, where it is, and what happens when it can't be used, which is nothing but a
// line on stderr: a cache is never a reason for a run to fail.

import ArgumentParser
import Bowline
import BowlineStore
import Glibc

struct CacheFileOptions: ParsableArguments {
    @Flag(name: .customLong("no-cache"), help: "Neither use nor fill the cache that is kept between runs.")
    var isOff = false

    @Option(
        name: .customLong("cache-file"), parsing: .unconditional,
        help: ArgumentHelp("Keep that cache in this file instead of the user's own.", valueName: "path"))
    var path: String?

    func validate() throws {
        if isOff, path != nil { throw ValidationError("--no-cache and --cache-file contradict each other.") }
        try CachePath.check(path)
    }

    /// So many names are looked for one by one, and others that come up when they do: 8 µs for each that the file doesn't have.
    /// Where there are more, or nobody knows which, everything is read: 0.2 s for a file that is full.
    private static let fewNames = 256

    /// Has a reactor look up names with a resolver, and with what the file knows, and sees to it that what is learnt is kept.
    ///
    /// - Parameter lookups: those that there will be; nil if they aren't known beforehand. Only asked for where there is a
    ///   cache.
    func keep(
        _ resolver: DNSResolver, lookups: @autoclosure () -> [LookupRequest]?, on reactor: Reactor
    ) -> KeptCache? {
        reactor.resolver = resolver
        if isOff { return nil }
        let names = lookups().map { Self.names(of: $0, resolver) }.flatMap { $0.count <= Self.fewNames ? $0 : nil }
        // Where nobody is at home there is nothing to keep between runs.
        guard let path = CachePath.path(path) else { return nil }
        do throws(CacheStoreError) {
            // A run that needs no server may still be redirected to a name that does.
            let isForLater = names?.isEmpty == true
            let store = isForLater ? SQLiteCacheStore(whenUsed: path) : try SQLiteCacheStore(path: path)
            let keeper = CacheKeeper(of: resolver.cache, in: store, reactor: reactor)
            if !isForLater {
                try keeper.load(names.map(Array.init), from: resolver.configuration.servers)
            }
            if let names {
                reactor.resolver = StoreResolver(
                    before: resolver, keeper: keeper, loaded: Array(names), reactor: reactor)
            }
            return KeptCache(keeper, store)
        } catch {
            Console.warn("\(error); going on without it")
            return nil
        }
    }

    /// What servers will be asked. Addresses, what this machine knows, and what is no name need no file.
    private static func names(of lookups: [LookupRequest], _ resolver: DNSResolver) -> Set<DomainName> {
        var names: Set<DomainName> = []
        for lookup in lookups where !resolver.isAnsweredLocally(lookup) {
            names.formUnion((try? resolver.configuration.candidates(for: lookup.host)) ?? [])
        }
        return names
    }
}

/// Where the cache is.
enum CachePath {
    /// The file that is named, or the user's own; nil if the environment doesn't say where that is. No place that others can
    /// write to takes its place: who could make the file there would decide where names lead.
    static func path(_ given: String?) -> String? {
        if let given { return given }
        // XDG Base Directory Specification: a path that isn't absolute counts as unset.
        if let base = variable("XDG_CACHE_HOME"), base.hasPrefix("/") { return "\(base)/bowline/names.sqlite" }
        return variable("HOME").map { "\($0)/.cache/bowline/names.sqlite" }
    }

    static func check(_ given: String?) throws {
        if given?.isEmpty == true { throw ValidationError("--cache-file needs the path of a file.") }
    }

    /// Says what became of a file that was none of ours.
    static func warn(of store: SQLiteCacheStore) {
        guard let aside = store.setAside else { return }
        Console.warn("\(store.path) was damaged or no cache of names; it is now \(aside), and a new one was begun")
    }

    private static func variable(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
    }
}

/// The cache of a run.
final class KeptCache {
    private let keeper: CacheKeeper
    private let store: SQLiteCacheStore
    /// Where a file was put of which that has been said.
    private var told: String?

    init(_ keeper: CacheKeeper, _ store: SQLiteCacheStore) {
        self.keeper = keeper
        self.store = store
        tell()
    }

    /// Saves what came last, at the end of a run.
    func end() {
        do throws(CacheStoreError) {
            try keeper.finish()
        } catch {
            Console.warn("what this run has learnt isn't kept: \(error)")
        }
        tell()
    }

    private func tell() {
        guard store.setAside != told else { return }
        told = store.setAside
        CachePath.warn(of: store)
    }
}
