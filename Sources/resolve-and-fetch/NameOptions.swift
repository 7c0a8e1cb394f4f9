// The options that fetching and resolving share: how names are looked up, how long things may take, how to say it.

import ArgumentParser
import Bowline
import BowlineStore
import Logging

struct NameOptions: ParsableArguments {
    @Option(
        name: .customLong("dns-server"), parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Ask this server instead of the system's (repeatable).", valueName: "addr[:port]"))
    var servers: [ServerArgument] = []

    @Option(
        name: .customLong("resolve"), parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "Pin the addresses of a host on a port, * for every host (repeatable).",
            valueName: "host:port:addr[,addr]"))
    var pins: [PinArgument] = []

    @Flag(exclusivity: .exclusive)
    var familyFlag: FamilyFlag?

    @Option(
        name: .customLong("dns-timeout"), parsing: .unconditional,
        help: ArgumentHelp("How long a name may take.", valueName: "s"))
    var nameTimeout = Seconds(10)

    @Option(
        name: .customLong("connect-timeout"), parsing: .unconditional,
        help: ArgumentHelp("How long a name and its connection may take.", valueName: "s"))
    var connectTimeout = Seconds(30)

    @Option(
        name: [.customShort("m", allowingJoined: true), .customLong("max-time")], parsing: .unconditional,
        help: ArgumentHelp("How long everything may take.", valueName: "s"))
    var maximumTime = Seconds(60)

    @OptionGroup
    var cacheFile: CacheFileOptions

    @Option(
        name: .customLong("concurrency"), parsing: .unconditional,
        help: ArgumentHelp("How many at once.", valueName: "n"))
    var concurrency = Count(64)

    @Flag(name: .customLong("json"), help: "Print one JSON object a line on stdout, and nothing else there.")
    var json = false

    @Flag(name: [.customShort("v"), .customLong("verbose")], help: "Tell each event as it happens, on stderr.")
    var verbose = false

    func validate() throws {
        guard concurrency.value > 0 else {
            throw ValidationError("The value '0' is invalid for '--concurrency <n>': it must be 1 or more.")
        }
    }

    /// The families to use, IPv6 first (RFC 8305, 3).
    var families: [AddressFamily] { familyFlag.map { [$0.family] } ?? [.ipv6, .ipv4] }

    /// The resolver that these options describe.
    func makeResolver(_ reactor: Reactor) -> DNSResolver {
        var configuration: ResolverConfiguration?
        if !servers.isEmpty {
            configuration = ResolverConfiguration()
            configuration?.servers = servers.map(\.address)
        }
        // As many as the file keeps, so that a long list finds all that an earlier one has learnt.
        var policy = CachePolicy()
        policy.capacity = SQLiteCacheStore.defaultCapacity
        let resolver = DNSResolver(
            reactor: reactor, configuration: configuration, pins: pins.map(\.pin), cache: ResolverCache(policy: policy))
        // Options such as systemd's `trust-ad` are named there on most machines: only who wants to know is told.
        resolver.logger.logLevel = verbose ? .notice : .critical
        return resolver
    }

}
