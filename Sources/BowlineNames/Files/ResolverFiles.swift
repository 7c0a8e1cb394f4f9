// Keeps what a resolver has from resolv.conf and the hosts file up to date.
//
// The first lookup reads them at once, on the thread of whoever asks: two small files take less than starting a thread,
// and a command that looks up one name is over before anything else would have begun. From there on the loop's thread
// reads no file: a second later they are watched and read once more, and after each change again, on a thread of the
// pool. Both are read whenever something changes, and compared with what was there: so it doesn't matter which change
// an event meant, or whether it was ours.

import BowlineDeferred
import BowlineReactor

/// Reads and watches the files of one resolver.
final class ResolverFiles {
    /// Where the files are; nil for one that isn't used.
    struct Paths: Hashable, Sendable {
        var configuration: String?
        var hosts: String?

        var all: [String] { [configuration, hosts].compactMap(\.self) }
    }

    /// What is in them.
    struct Contents: Hashable, Sendable {
        var configuration: ResolverConfiguration?
        var hosts: HostsFile?

        /// Blocks.
        init(of paths: Paths) {
            configuration = paths.configuration.map { .load(path: $0) }
            hosts = paths.hosts.map { .load(path: $0) }
        }
    }

    /// What a thread brings back. It also compares: a hosts file may have half a million names.
    private struct Reading: Sendable {
        var inotify: Result<Inotify, SystemError>
        var watches: FileWatches
        var contents: Contents
        var hasNewConfiguration: Bool
        var hasNewHosts: Bool
    }

    /// From the first reading to the watch. Whoever is done by then has opened no descriptor and started no thread.
    static let watchDelay: Duration = .seconds(1)

    private unowned let reactor: Reactor
    private let paths: Paths
    /// Called in the loop with what was read, if something is new, and whether the configuration is. If somebody asked
    /// for it, everything is new.
    private let arrived: (_ contents: Contents, _ hasNewConfiguration: Bool) -> Void
    /// Called when the files can't be watched.
    private let failed: (SystemError) -> Void

    // @exclusivity(unchecked): no access lasts longer than its statement, and none of these statements calls a user.
    @exclusivity(unchecked) private var contents: Contents
    @exclusivity(unchecked) private var inotify: Inotify?
    @exclusivity(unchecked) private var watches = FileWatches()
    @exclusivity(unchecked) private var debounce = ChangeDebounce()
    @exclusivity(unchecked) private var timer: DelayedCall?
    @exclusivity(unchecked) private var reading: Deferred<Void>?
    @exclusivity(unchecked) private var isAsked = false
    /// Whether something changed while it was read.
    @exclusivity(unchecked) private var isStale = false

    /// - Parameter contents: what is known of the files.
    init(
        _ paths: Paths, _ contents: Contents, reactor: Reactor,
        arrived: @escaping (_ contents: Contents, _ hasNewConfiguration: Bool) -> Void,
        failed: @escaping (SystemError) -> Void
    ) {
        self.paths = paths
        self.contents = contents
        self.reactor = reactor
        self.arrived = arrived
        self.failed = failed
    }

    /// Whether the files are watched.
    var isWatching: Bool { inotify != nil }

    /// Begins to watch, in a moment. For one who has just read the files.
    func begin() {
        plan(at: reactor.now + Self.watchDelay)
    }

    /// Reads the files soon, on a thread, and tells what is in them, changed or not.
    func reread() {
        isAsked = true
        read()
    }

    /// Ends the watch. Whoever is reading then isn't heard.
    func close() {
        timer?.cancel()
        timer = nil
        let reading = self.reading
        self.reading = nil
        reading?.cancel()
        if let inotify { reactor.deregister(inotify.descriptor) }
        inotify = nil
        watches = FileWatches()
        debounce.end()
        isStale = false
        isAsked = false
    }

    private func plan(at instant: ReactorInstant) {
        timer?.cancel()
        timer = reactor.callLater(instant - reactor.now) { [weak self] in self?.read() }
    }

    private func read() {
        timer?.cancel()
        timer = nil
        guard reading == nil else {
            isStale = true
            return
        }
        debounce.end()
        isStale = false
        let (paths, known, inotify, watches) = (paths, contents, inotify, watches)
        let reading = reactor.deferToThread {
            // Watched first, read then: so nothing changes unseen between the two.
            let opened = inotify.map(Result.success) ?? Result { () throws(SystemError) in try Inotify() }
            let watches = (try? opened.get()).map { FileWatches(paths.all, with: $0, replacing: watches) }
            let contents = Contents(of: paths)
            return Reading(
                inotify: opened, watches: watches ?? FileWatches(), contents: contents,
                hasNewConfiguration: contents.configuration != known.configuration,
                hasNewHosts: contents.hosts != known.hosts)
        }
        self.reading = reading.addBoth { [weak self] result in self?.readingEnded(result) }
        if self.reading?.isFired == true { self.reading = nil }
    }

    private func readingEnded(_ result: Result<Reading, any Error>) {
        reading = nil
        guard case .success(let read) = result else {
            // The reactor stops, or has no thread: then the next change or the next wish reads.
            if case .failure(let error as SystemError) = result { failed(error) }
            return
        }
        watches = read.watches
        switch read.inotify {
        case .success(let opened):
            if inotify == nil { register(opened) }
        case .failure(let error):
            failed(error)
        }
        let wasAsked = isAsked
        isAsked = false
        if isStale { plan(at: debounce.note(isWriting: false, at: reactor.now)) }
        contents = read.contents
        if wasAsked || read.hasNewConfiguration || read.hasNewHosts {
            arrived(contents, wasAsked || read.hasNewConfiguration)
        }
    }

    private func register(_ opened: Inotify) {
        do {
            try reactor.register(opened.descriptor, .read, self)
            inotify = opened
        } catch {
            failed(error)
        }
    }
}

@available(*, unavailable)
extension ResolverFiles: Sendable {}

extension ResolverFiles: DescriptorHandler {
    func descriptorReady(_ readiness: Readiness) {
        guard let inotify else { return }
        let changes = inotify.read().map(watches.change(by:)).filter { $0 != .none }
        guard let last = changes.last else { return }
        if reading != nil {
            isStale = true
        } else {
            plan(at: debounce.note(isWriting: last == .writing, at: reactor.now))
        }
    }

    /// The reactor has let go of the descriptor, and stops.
    func reactorStopped() {
        inotify = nil
        close()
    }
}
