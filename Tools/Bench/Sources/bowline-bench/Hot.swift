// `hot`: GET of a small page over 64 connections that are kept alive, through the agent's pool and getPage, beside wrk,
// plain and over TLS; the heap allocations of one such request, counted; and one large body, see Large.swift.

import Bowline
import CAllocations
import Glibc

private let connections = 64
private let seconds = 2.0
private let allocationBudget = 8.0

func hot(_ setting: Setting) -> [Comparison] {
    var ours = Side.missing("nginx or knot is not installed")
    var (time, wrk, wrkTime, limit, allocations) = (ours, ours, ours, ours, ours)
    var (secure, wrkSecure) = (ours, ours)
    if let port = setting.servers?.httpPort {
        let url = "http://127.0.0.1:\(port)/small"
        ours = .measured { try HotRun(url).rate() }
        time = .measured { try HotRun(url).processorTime() }
        allocations = .measured { try HotRun(url).allocationsPerPage() }
        wrk = .missing("wrk is not installed")
        wrkTime = wrk
        if Program.isInstalled("wrk") {
            wrk = .measured { try runWrk(url).rate }
            wrkTime = .measured { try runWrk(url).processorTime }
        }
        (secure, wrkSecure) = (.missing("openssl is not installed"), wrk)
        if let (port, certificate) = setting.servers?.secure {
            let url = "https://127.0.0.1:\(port)/small"
            secure = .measured { try HotRun(url, trusting: certificate).rate() }
            if Program.isInstalled("wrk") { wrkSecure = .measured { try runWrk(url).rate } }
        }
        limit = .program(setting.limit("hot", "\(connections)", "\(seconds)", "\(port)"))
    }
    return [
        Comparison(
            bench: "hot", name: "getPage over 64 kept connections", unit: "pages/s", better: .higher,
            target: Budget.hot, referenceName: "wrk", ours: ours, reference: wrk),
        // On a machine that others use, too, this tells more.
        Comparison(
            bench: "hot", name: "processor time of such a page", unit: "ns", better: .lower, target: Budget.hot,
            referenceName: "wrk", ours: time, reference: wrkTime),
        Comparison(
            bench: "hot", name: "the same beside epoll", unit: "pages/s", better: .higher, target: nil,
            referenceName: "epoll in C", ours: ours, reference: limit),
        Comparison(
            bench: "hot", name: "the same over TLS", unit: "pages/s", better: .higher, target: Budget.hotTLS,
            referenceName: "wrk", ours: secure, reference: wrkSecure),
        Comparison(
            bench: "hot", name: "heap allocations of a getPage", unit: "a page", better: .lower, target: 1,
            referenceName: "the budget", ours: allocations, reference: .measured { allocationBudget }, pairs: 1),
    ] + largeBody(setting)
}

/// So many fetches at once, each followed by the next, for as long as the run lasts.
private final class HotRun {
    private let reactor = Reactor()
    private let request: PageRequest
    private var count = 0
    private var isOver = false
    private var failure: (any Error)?
    /// Called with the number of pages after each.
    private var onPage: (Int) -> Void = { _ in }

    /// - Parameter certificate: the file with the certificate that is believed, for https.
    init(_ url: String, trusting certificate: String? = nil) {
        var request = PageRequest(url)
        if let certificate { request.tls.trust = .file(certificate) }
        self.request = request
        reactor.agent.limits.connectionsPerHost = connections
    }

    /// Pages a second.
    func rate() throws -> Double {
        reactor.callLater(.milliseconds(Int(seconds * 1_000))) { [self] in end() }
        let taken = try nanoseconds { try run() }
        return Double(count) / taken * 1e9
    }

    /// Nanoseconds of this thread's time in a processor for one page.
    func processorTime() throws -> Double {
        reactor.callLater(.milliseconds(Int(seconds * 1_000))) { [self] in end() }
        let before = processorNanoseconds(CInt(RUSAGE_SELF.rawValue))
        try run()
        return (processorNanoseconds(CInt(RUSAGE_SELF.rawValue)) - before) / Double(count)
    }

    /// Calls of malloc and its kin for one page, once everything that is made once is made.
    func allocationsPerPage() throws -> Double {
        let (warmUp, counted) = (20_000, 100_000)
        var (before, after) = (0, 0)
        onPage = { [unowned self] count in
            if count == warmUp { before = allocation_count() }
            if count == warmUp + counted {
                after = allocation_count()
                end()
            }
        }
        try run()
        onPage = { _ in }
        return Double(after - before) / Double(counted)
    }

    private func end() {
        isOver = true
        reactor.stop()
    }

    private func run() throws {
        reactor.callWhenRunning { [self] in
            for _ in 0..<connections { next() }
        }
        try reactor.run()
        if let failure { throw failure }
    }

    private func next() {
        reactor.getPage(request).addCallbacks(
            { [self] text in
                if text.utf8.count != 12 {
                    failure = Program.Failure(description: "a page of \(text.utf8.count) bytes")
                }
                count += 1
                onPage(count)
                if failure != nil { end() }
                if !isOver { next() }
            },
            { [self] error in
                // Those that are under way when it ends.
                guard !isOver else { return }
                failure = error
                end()
            })
    }
}

// MARK: the references

/// What `wrk` reaches with one thread: requests a second, and nanoseconds in a processor for each.
private func runWrk(_ url: String) throws -> (rate: Double, processorTime: Double) {
    let before = processorNanoseconds(RUSAGE_CHILDREN.rawValue)
    let output = try Program.output([
        "wrk", "-t1", "-c\(connections)", "-d\(Int(seconds))s", url,
    ])
    let taken = processorNanoseconds(RUSAGE_CHILDREN.rawValue) - before
    let lines = output.split(separator: "\n")
    guard
        let rate = lines.first(where: { $0.contains("Requests/sec:") })?.split(separator: " ").last.flatMap({
            Double($0)
        }),
        let count = lines.first(where: { $0.contains("requests in") })?.split(separator: " ").first.flatMap({
            Double($0)
        })
    else { throw Program.Failure(description: "wrk printed no rate") }
    return (rate, taken / count)
}

/// User and system time of this process, or of its children that have ended.
func processorNanoseconds(_ who: CInt) -> Double {
    var usage = rusage()
    getrusage(who, &usage)
    return Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e9
        + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e3
}
