// The default resolver. The way of a name through it is `resolve(_:onAnswer:)`, from top to bottom: literal, pin, special
// name, hosts file, search list, cache, and only then a question, which all who wait for the same name share.

public import BowlineDeferred
public import BowlineReactor
import BowlineTransport
public import Logging

/// Looks up names in the DNS through c-ares, and in whatever comes before it; remembers what it learns.
///
/// ```swift
/// var configuration = ResolverConfiguration()
/// configuration.servers = [.ip(.v4(.loopback), port: 5353)]
/// reactor.resolver = DNSResolver(reactor: reactor, configuration: configuration)
/// ```
public final class DNSResolver: Resolver {
    /// Whether the hosts file is consulted, and which.
    public enum Hosts: Sendable {
        /// /etc/hosts, read when it is first needed and watched from then on.
        case system
        /// The file at this path, likewise.
        case file(String)
        /// This table.
        case table(HostsFile)

        fileprivate var path: String? {
            switch self {
            case .system: HostsFile.systemPath
            case .file(let path): path
            case .table: nil
            }
        }

        fileprivate var table: HostsFile? { if case .table(let table) = self { table } else { nil } }
    }

    /// What it has learnt.
    public let cache: ResolverCache
    private unowned let reactor: Reactor
    /// A clock that a test turns by hand. The reactor isn't held: it holds its resolver.
    private let givenClock: (any ReactorClock)?
    /// What it knows the time from.
    private var clock: any ReactorClock { givenClock ?? reactor }
    private let givenConfiguration: ResolverConfiguration?
    private let givenHosts: Hosts
    private let pins: PinTable
    /// Where it is told what of the configuration has no effect here, and what can't be watched: when files are read,
    /// never for a lookup. Writes to the process's log unless set.
    @exclusivity(unchecked) public var logger = Logger(label: "bowline.resolver")
    /// Where the configuration is, if none was given. To be set before the first lookup.
    @exclusivity(unchecked) package var configurationPath = ResolverConfiguration.systemPath
    /// Called in the loop when a change of the files has taken effect.
    @exclusivity(unchecked) package var settingsChanged: (() -> Void)?

    // @exclusivity(unchecked): no access lasts longer than its statement, and none of these statements calls a user.
    @exclusivity(unchecked) private var settings: Settings? {
        didSet {
            if let settings { madeDesk?.servers = settings.servers }
            office = nil
        }
    }
    /// Nil before the first lookup.
    @exclusivity(unchecked) private var madeDesk: QuestionDesk?
    /// Nil before the first lookup.
    @exclusivity(unchecked) private var madeLookups: LookupLine?
    /// Nil before the first lookup, after a change of the settings, and when the reactor has stopped.
    @exclusivity(unchecked) private var office: Office?
    /// Nil before the first lookup, and where everything was given.
    @exclusivity(unchecked) private var files: ResolverFiles?
    /// What the log has been told of the configuration.
    @exclusivity(unchecked) private var namedOptions: Set<String> = []
    /// The number under which the reactor tells this resolver that it stops. A reactor's own resolver is told anyway;
    /// one that was replaced still has lookups under way.
    @exclusivity(unchecked) private var stopObserver: UInt64?

    /// What is read from files, and made of it.
    private final class Settings {
        let configuration: ResolverConfiguration
        let hosts: HostsFile
        let servers: ServerList

        init(_ configuration: ResolverConfiguration, _ hosts: HostsFile, _ servers: ServerList) {
            self.configuration = configuration
            self.hosts = hosts
            self.servers = servers
        }

        /// What a name may mean by the search list; nil if it stands for itself.
        func searched(_ name: DomainName, as text: String) -> [DomainName]? {
            configuration.search.isEmpty ? nil : configuration.searched(name, as: text)
        }
    }

    /// What every lookup needs, by one reference: each that is counted by itself costs two atomic operations.
    private final class Office {
        let settings: Settings
        let desk: QuestionDesk
        let lookups: LookupLine

        init(_ settings: Settings, _ desk: QuestionDesk, _ lookups: LookupLine) {
            self.settings = settings
            self.desk = desk
            self.lookups = lookups
        }
    }

    /// Creates a resolver. It reads files and opens sockets when it is first asked.
    /// - Parameters:
    ///   - configuration: the servers and how to ask them; resolv.conf if nil.
    ///   - hosts: which names the hosts file gives.
    ///   - pins: addresses that the user has decided on.
    ///   - cache: where to remember; one of its own if nil.
    public convenience init(
        reactor: Reactor, configuration: ResolverConfiguration? = nil, hosts: Hosts = .system, pins: [Pin] = [],
        cache: ResolverCache = ResolverCache()
    ) {
        self.init(
            reactor: reactor, clock: nil, configuration: configuration, hosts: hosts, pins: pins, cache: cache)
    }

    /// Creates a resolver that may know the time from another clock than its reactor.
    package init(
        reactor: Reactor, clock: (any ReactorClock)?, configuration: ResolverConfiguration?, hosts: Hosts, pins: [Pin],
        cache: ResolverCache
    ) {
        self.reactor = reactor
        givenClock = clock
        givenConfiguration = configuration
        givenHosts = hosts
        self.pins = PinTable(pins)
        self.cache = cache
    }

    /// The servers and options in use.
    public var configuration: ResolverConfiguration { currentSettings().configuration }

    private func currentSettings() -> Settings {
        if let settings { return settings }
        let paths = ResolverFiles.Paths(
            configuration: givenConfiguration == nil ? configurationPath : nil, hosts: givenHosts.path)
        let contents = ResolverFiles.Contents(of: paths)
        let made = makeSettings(contents)
        settings = made
        watch(paths, contents)
        return made
    }

    /// - Parameter servers: those to go on with, and what is known of them; new ones if nil.
    private func makeSettings(_ contents: ResolverFiles.Contents, servers: ServerList? = nil) -> Settings {
        let configuration = givenConfiguration ?? contents.configuration ?? ResolverConfiguration()
        nameIgnored(configuration)
        let options = NameServer.Options(configuration)
        let servers =
            servers
            ?? ServerList(
                configuration.servers.map { NameServer($0, options: options, reactor: reactor, clock: clock) },
                rotates: configuration.rotates)
        return Settings(configuration, givenHosts.table ?? contents.hosts ?? HostsFile(), servers)
    }

    private func watch(_ paths: ResolverFiles.Paths, _ contents: ResolverFiles.Contents) {
        guard !paths.all.isEmpty, !reactor.isClosing else { return }
        observeStop()
        let files = ResolverFiles(paths, contents, reactor: reactor) { [weak self] contents, hasNewConfiguration in
            guard let self else { return }
            // Questions in flight keep their servers until they end; a channel closes when the last one lets go of it.
            settings = makeSettings(contents, servers: hasNewConfiguration ? nil : settings?.servers)
            settingsChanged?()
        } failed: { [weak self] error in
            self?.logger.warning("changes of the resolver's files go unseen: \(error)")
        }
        self.files = files
        files.begin()
    }

    /// Tells the log what resolv.conf says without effect here, each thing once.
    private func nameIgnored(_ configuration: ResolverConfiguration) {
        let unnamed = configuration.ignored.filter { namedOptions.insert($0).inserted }
        guard !unnamed.isEmpty else { return }
        let list = unnamed.map(\.debugDescription).joined(separator: ", ")
        logger.notice("of resolv.conf, this has no effect here: \(list)")
    }

    /// Reads the configuration and the hosts file anew: in a running loop on a thread, and what was known serves until
    /// they have been read; before `run()` with the next lookup. What is in flight ends as it began; the cache stays.
    public func reload() {
        if let files, reactor.isRunning {
            files.reread()
        } else {
            settings = nil
            files?.close()
            files = nil
        }
    }

    deinit {
        files?.close()
        // What is still asked for the cache's sake holds the clock, and so the reactor: it is there.
        guard let madeDesk, !madeDesk.inFlight.isEmpty else { return }
        madeDesk.abandonAll()
        for server in nameServers { server.close() }
    }

    /// Fails every lookup with `ReactorStopped` and closes every socket.
    public func reactorStopped() {
        let lookups = madeLookups?.removeAll() ?? []
        abandoned = inFlight()
        configurationOfAbandoned = settings?.configuration
        madeDesk?.abandonAll()
        // They hold the clock, and so the reactor, which holds this.
        madeLookups = nil
        madeDesk = nil
        for server in nameServers { server.close() }
        settings = nil
        files?.close()
        files = nil
        if let stopObserver { reactor.forgetStopObserver(stopObserver) }
        stopObserver = nil
        // Last, for whoever is told may look up something else.
        for lookup in lookups { lookup.fail(ReactorStopped()) }
        abandoned = []
        configurationOfAbandoned = nil
    }

    /// Nil if the reactor is about to stop.
    private func openOffice() -> Office? {
        guard !reactor.isClosing else { return nil }
        observeStop()
        let settings = currentSettings()
        // What is in flight stays through changes of the settings.
        let desk = madeDesk ?? QuestionDesk(cache: cache, clock: clock, servers: settings.servers)
        madeDesk = desk
        let lookups = madeLookups ?? LookupLine(of: self, clock: clock)
        madeLookups = lookups
        let opened = Office(settings, desk, lookups)
        office = opened
        return opened
    }

    private func observeStop() {
        guard stopObserver == nil else { return }
        stopObserver = reactor.whenStopped { [weak self] in self?.reactorStopped() }
    }

    // MARK: what the inspection reads

    /// Whether changes of its files are noticed by now, and by which descriptor.
    package var isWatchingFiles: Bool { files?.isWatching == true }

    var now: ReactorInstant { clock.now }
    var pinTable: PinTable { pins }
    var questionsInFlight: [Question] { madeDesk?.inFlight ?? [] }
    /// What was in flight when the reactor stopped, while those who waited for it are told.
    @exclusivity(unchecked) private(set) var abandoned: [QuestionSnapshot] = []
    @exclusivity(unchecked) private var configurationOfAbandoned: ResolverConfiguration?
    /// The configuration that what is in flight was asked by; nil if nothing was ever asked.
    var settledConfiguration: ResolverConfiguration? { configurationOfAbandoned ?? settings?.configuration }
    var nameServers: [NameServer] { settings?.servers.servers ?? [] }

    // MARK: looking up

    /// Looks up the records of a name: here if it is known here, else by asking the servers.
    public func resolve(
        _ request: LookupRequest, onAnswer: ((TypeAnswer) -> Void)?
    ) -> Deferred<LookupAnswer> {
        if let address = IPAddress(utf8: request.host.utf8Span.span) {
            return literal(address, request, onAnswer)
        }
        let name: DomainName
        do {
            name = try DomainName(request.host)
        } catch {
            return .failed(error)
        }
        // The cache will be searched for it in a moment.
        if let type = request.types.first { cache.prefetch(name, type) }
        guard !name.endsInNumber else { return .failed(NameError(text: request.host, reason: .endsInNumber)) }
        guard let office = office ?? openOffice() else { return .failed(ReactorStopped()) }

        let verdict = localVerdict(on: name, port: request.port, office.settings.hosts)
        // A name that is known here, or is special, is never completed: `localhost.corp.example` is somebody else.
        if verdict == nil, let candidates = office.settings.searched(name, as: request.host) {
            return search(candidates, for: name, request, onAnswer)
        }
        return lookUp(name, verdict, request, in: office, onAnswer)
    }

    private func search(
        _ candidates: [DomainName], for name: DomainName, _ request: LookupRequest, _ onAnswer: ((TypeAnswer) -> Void)?
    ) -> Deferred<LookupAnswer> {
        let search = SearchLookup(
            candidates, of: name, timeout: request.timeout, clock: clock, onAnswer: onAnswer
        ) { [self] candidate, timeout, onAnswer in
            guard let office = office ?? openOffice() else { return .failed(ReactorStopped()) }
            var request = request
            request.timeout = timeout
            let verdict = localVerdict(on: candidate, port: request.port, office.settings.hosts)
            return lookUp(candidate, verdict, request, in: office, onAnswer)
        }
        search.proceed()
        return search.deferred
    }

    /// Looks up a name that stands for itself alone.
    private func lookUp(
        _ name: DomainName, _ verdict: LocalVerdict?, _ request: LookupRequest, in office: Office,
        _ onAnswer: ((TypeAnswer) -> Void)?
    ) -> Deferred<LookupAnswer> {
        let now = office.lookups.clock.now
        let lookup = Lookup(name, request, at: now, in: office.lookups, onAnswer: onAnswer)
        for type in request.types {
            if let known = verdict?.answer(name, type, time: now) {
                lookup.take(known)
                continue
            }
            switch office.desk.find(name, type, at: now) {
            case .known(let answer): lookup.take(answer)
            case .unknown(let stale):
                lookup.await(office.desk.ask(name, type, at: now, for: lookup, inReserve: stale))
            }
        }
        return lookup.begin()
    }

    /// The text of an address is its own answer, whatever anybody else says.
    private func literal(
        _ address: IPAddress, _ request: LookupRequest, _ onAnswer: ((TypeAnswer) -> Void)?
    ) -> Deferred<LookupAnswer> {
        let type: RecordType = address.family == .ipv4 ? .a : .aaaa
        let record = ResourceRecord(name: .root, type: type, ttl: 0, data: .address(address))
        let answer = TypeAnswer(
            type: type, records: [record], origin: AnswerOrigin(source: .literal), time: clock.now)
        guard request.types.contains(type) else {
            let name = DomainName(canonical: request.host)
            for type in request.types {
                let failure = LookupError(.nodata, name: name, types: [type], source: .literal)
                onAnswer?(
                    TypeAnswer(
                        type: type, failure: failure, origin: AnswerOrigin(source: .literal), time: clock.now))
            }
            return .failed(LookupError(.nodata, name: name, types: request.types, source: .literal))
        }
        onAnswer?(answer)
        return .succeeded(LookupAnswer(name: nil, questions: [answer], elapsed: .zero))
    }

    /// Whether a lookup needs neither a server nor what one has said before: the host is an address, or this machine says it
    /// all, by a pin, by its hosts file, or since the name is special.
    public func isAnsweredLocally(_ request: LookupRequest) -> Bool {
        if IPAddress(request.host) != nil { return true }
        guard let name = try? DomainName(request.host), !name.endsInNumber,
            let verdict = localVerdict(on: name, port: request.port)
        else { return false }
        return request.types.allSatisfy { verdict.answer(name, $0, time: clock.now) != nil }
    }

    /// What is known of a name before anybody has ever been asked: pin, special name, hosts file, in this order.
    func localVerdict(on name: DomainName, port: UInt16?) -> LocalVerdict? {
        localVerdict(on: name, port: port, currentSettings().hosts)
    }

    private func localVerdict(on name: DomainName, port: UInt16?, _ hosts: HostsFile) -> LocalVerdict? {
        if let addresses = pins.addresses(of: name, port: port) { return .addresses(addresses, .pin) }
        let hosted = hosts.addresses(of: name)
        switch SpecialNames.verdict(on: name) {
        case .ordinary:
            return hosted.isEmpty ? nil : .addresses(hosted, .hosts)
        case .loopback:
            // The hosts file may give localhost another loopback address (RFC 6761, 6.3).
            let loopback = hosted.filter(\.isLoopback)
            return .addresses(loopback.isEmpty ? [.v6(.loopback), .v4(.loopback)] : loopback, .special)
        case .nonexistent:
            return .nonexistent
        }
    }
}

@available(
    *, unavailable,
    message:
        "it stays on the thread that made it: from elsewhere, come back through the reactor's handle, with callFromThread"
)
extension DNSResolver: Sendable {}
