// resolv.conf and the hosts file while the loop runs: however they change, the next lookup knows, and no lookup is lost.

import Bowline
import BowlineTesting
import Glibc
import Logging
import Synchronization
import TestSupport
import Testing

// One at a time, for one of them counts descriptors.
@Suite("Files that change", .serialized, .timeLimit(.minutes(10)))
struct ResolverFilesTests {
    /// How somebody puts a new text in the place of a file.
    enum Manner: CaseIterable, Sendable {
        case rewritten, renamedOver, deletedAndMade, linkSwapped

        func prepare(_ folder: TemporaryFolder, _ name: String, _ text: String) throws {
            if self == .linkSwapped {
                try folder.write("first-\(name)", text: text)
                symlink("first-\(name)", "\(folder.path)/\(name)")
            } else {
                try folder.write(name, text: text)
            }
        }

        func change(_ folder: TemporaryFolder, _ name: String, _ text: String) throws {
            switch self {
            case .rewritten:
                try folder.write(name, text: text)
            case .renamedOver:
                try folder.write("new-\(name)", text: text)
                rename("\(folder.path)/new-\(name)", "\(folder.path)/\(name)")
            case .deletedAndMade:
                unlink("\(folder.path)/\(name)")
                try folder.write(name, text: text)
            case .linkSwapped:
                try folder.write("second-\(name)", text: text)
                symlink("second-\(name)", "\(folder.path)/link")
                rename("\(folder.path)/link", "\(folder.path)/\(name)")
            }
        }
    }

    @Test("a hosts file that changes is read again, in whatever manner it does", arguments: Manner.allCases)
    func hosts(manner: Manner) async throws {
        let folder = try TemporaryFolder()
        try manner.prepare(folder, "hosts", "192.0.2.1 gate.test\n")
        let (before, after) = try await Reactor.run { reactor in
            let resolver = DNSResolver(
                reactor: reactor, configuration: ResolverConfiguration(), hosts: .file("\(folder.path)/hosts"))
            let before = await resolver.lookup("gate.test", types: [.a]).outcome.addresses
            while !resolver.isWatchingFiles { try await reactor.pass(.milliseconds(5)) }
            let changed = Deferred<Void>()
            resolver.settingsChanged = {
                if resolver.explain("gate.test").addresses == [two], !changed.isFired { changed.callback() }
            }
            try manner.change(folder, "hosts", "192.0.2.2 gate.test\n")
            try await changed.value
            return (before, await resolver.lookup("gate.test", types: [.a]).outcome.addresses)
        }
        #expect(before == [one])
        #expect(after == [two])
    }

    @Test("a resolv.conf that changes sends new lookups to the new servers, and loses none in flight")
    func configuration() async throws {
        let folder = try TemporaryFolder()
        let (slow, fresh, counts) = try await Reactor.run { reactor in
            let old = try FakeDNSServer(reactor: reactor) { question in
                .delayed(by: .milliseconds(question.name.text == "slow.test" ? 600 : 0), .addresses([one]))
            }
            let new = try FakeDNSServer(reactor: reactor) { _ in .addresses([two]) }
            try folder.write("resolv.conf", text: "nameserver \(old.address)\n")
            let resolver = DNSResolver(reactor: reactor, hosts: .table(HostsFile()))
            resolver.configurationPath = "\(folder.path)/resolv.conf"
            _ = await resolver.lookup("first.test", types: [.a]).outcome
            while !resolver.isWatchingFiles { try await reactor.pass(.milliseconds(5)) }
            let changed = Deferred<Void>()
            resolver.settingsChanged = {
                if resolver.configuration.servers == [new.address], !changed.isFired { changed.callback() }
            }
            let slow = resolver.lookup("slow.test", types: [.a])
            try folder.write("resolv.conf", text: "nameserver \(new.address)\n")
            try await changed.value
            let fresh = await resolver.lookup("fresh.test", types: [.a]).outcome.addresses
            return (await slow.outcome.addresses, fresh, [old.questions.count, new.questions.count])
        }
        #expect(slow == [one])
        #expect(fresh == [two])
        #expect(counts[1] == 1)
    }

    @Test("what was given isn't watched, and a reactor that stops leaves no watch behind")
    func watched() async throws {
        let folder = try TemporaryFolder()
        try folder.write("hosts", text: "192.0.2.1 gate.test\n")
        let (given, watching, before, during) = try await Reactor.run { reactor in
            let before = inotifies()
            let plain = DNSResolver(reactor)
            _ = await plain.lookup("h.test", types: [.a]).outcome
            let resolver = DNSResolver(
                reactor: reactor, configuration: ResolverConfiguration(), hosts: .file("\(folder.path)/hosts"))
            reactor.resolver = resolver
            _ = await resolver.lookup("gate.test", types: [.a]).outcome
            while !resolver.isWatchingFiles { try await reactor.pass(.milliseconds(5)) }
            return (plain.isWatchingFiles, resolver.isWatchingFiles, before, inotifies())
        }
        #expect(!given)
        #expect(watching)
        // Others may watch at the same time; this one's is gone.
        #expect(during.count > 0)
        #expect(inotifies().subtracting(before).isDisjoint(with: during.subtracting(before)))
    }

    @Test("options that have no effect here are named in the log, once")
    func options() async throws {
        let folder = try TemporaryFolder()
        try folder.write(
            "resolv.conf", text: "nameserver 127.0.0.1\noptions inet6 trust-ad ndots:2\nsortlist 10.0.0.0\n")
        let lines = Mutex<[String]>([])
        try await Reactor.run { reactor in
            let resolver = DNSResolver(reactor: reactor, hosts: .table(HostsFile()))
            resolver.configurationPath = "\(folder.path)/resolv.conf"
            resolver.logger = Logger(label: "test") { _ in ListHandler { line in lines.withLock { $0.append(line) } } }
            _ = resolver.configuration
            resolver.reload()
            _ = resolver.configuration
        }
        let named = lines.withLock { $0 }
        #expect(named.count == 1)
        #expect(["inet6", "trust-ad", "sortlist 10.0.0.0"].allSatisfy { named.first?.contains($0) == true })
        #expect(named.first?.contains("ndots") == false)
    }
}

/// The inotify descriptors of this process.
private func inotifies() -> Set<Int32> {
    Set(OpenDescriptors.all().filter { $0.value.hasPrefix("anon_inode:inotify") }.keys)
}

/// A log that is a list.
private struct ListHandler: LogHandler {
    var logLevel: Logger.Level = .trace
    var metadata: Logger.Metadata = [:]
    let write: @Sendable (String) -> Void

    init(_ write: @escaping @Sendable (String) -> Void) { self.write = write }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        write("\(event.message)")
    }
}
