// `hot`: GET of a small page over 64 connections that are kept alive, through the agent's pool and getPage, beside wrk;
// the heap allocations of one such request, counted; and one large body, streamed, beside curl.

import Bowline
import CAllocations
import Glibc

private let connections = 64
private let seconds = 2.0
private let allocationBudget = 8.0

func hot(_ setting: Setting) -> [Comparison] {
    var ours = Side.missing("nginx or knot is not installed")
    var (time, wrk, wrkTime, limit, allocations) = (ours, ours, ours, ours, ours)
    var (large, largeTime, curl, curlTime) = (ours, ours, ours, ours)
    if let port = setting.servers?.httpPort {
        ours = .measured { try HotRun(port).rate() }
        time = .measured { try HotRun(port).processorTime() }
        allocations = .measured { try HotRun(port).allocationsPerPage() }
        large = .measured { try LargeRun(port).run().rate }
        largeTime = .measured { try LargeRun(port).run().processorTime }
        wrk = .missing("wrk is not installed")
        wrkTime = wrk
        if Program.isInstalled("wrk") {
            wrk = .measured { try runWrk(port).rate }
            wrkTime = .measured { try runWrk(port).processorTime }
        }
        limit = .program(setting.limit("hot", "\(connections)", "\(seconds)", "\(port)"))
        curl = .missing("curl is not installed")
        curlTime = curl
        if Program.isInstalled("curl") {
            curl = .measured { try runCurl(port).rate }
            curlTime = .measured { try runCurl(port).processorTime }
        }
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
            bench: "hot", name: "heap allocations of a getPage", unit: "a page", better: .lower, target: 1,
            referenceName: "the budget", ours: allocations, reference: .measured { allocationBudget }, pairs: 1),
        Comparison(
            bench: "hot", name: "a body of 1 GiB, streamed", unit: "MB/s", better: .higher, target: Budget.hot,
            referenceName: "curl", ours: large, reference: curl, pairs: 5),
        Comparison(
            bench: "hot", name: "processor time of such a body", unit: "ms", better: .lower, target: Budget.hot,
            referenceName: "curl", ours: largeTime, reference: curlTime, pairs: 5),
    ]
}

/// So many fetches at once, each followed by the next, for as long as the run lasts.
private final class HotRun {
    private let reactor = Reactor()
    private let url: String
    private var count = 0
    private var isOver = false
    private var failure: (any Error)?
    /// Called with the number of pages after each.
    private var onPage: (Int) -> Void = { _ in }

    init(_ port: UInt16) {
        url = "http://127.0.0.1:\(port)/small"
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
        reactor.getPage(url).addCallbacks(
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

// MARK: a large body

private let largeBytes = 1 << 30

/// One body, taken as it comes and counted.
private final class LargeRun: BodyConsumer {
    private let reactor = Reactor()
    private let url: String
    private var count = 0
    private var failure: (any Error)?

    init(_ port: UInt16) { url = "http://127.0.0.1:\(port)/1g" }

    /// Millions of bytes a second, and milliseconds in a processor.
    func run() throws -> (rate: Double, processorTime: Double) {
        let before = processorNanoseconds(CInt(RUSAGE_SELF.rawValue))
        var request = PageRequest(url)
        request.limits.bodyBytes = .max
        request.deadline = .seconds(Program.seconds)
        reactor.callWhenRunning { [self] in
            reactor.agent.request(request).addCallbacks(
                { [self] response in response.body.deliver(to: self) },
                { [self] error in
                    failure = error
                    reactor.stop()
                })
        }
        let taken = try nanoseconds { try reactor.run() }
        if let failure { throw failure }
        guard count == largeBytes else { throw Program.Failure(description: "\(count) of \(largeBytes) bytes came") }
        let processorTime = processorNanoseconds(CInt(RUSAGE_SELF.rawValue)) - before
        return (Double(count) / taken * 1e3, processorTime / 1e6)
    }

    func bodyReceived(_ bytes: RawSpan) { count += bytes.byteCount }

    func bodyEnded(_ failure: PageError?) {
        self.failure = failure
        reactor.stop()
    }
}

// MARK: the references

/// What `wrk` reaches with one thread: requests a second, and nanoseconds in a processor for each.
private func runWrk(_ port: UInt16) throws -> (rate: Double, processorTime: Double) {
    let before = processorNanoseconds(RUSAGE_CHILDREN.rawValue)
    let output = try Program.output([
        "wrk", "-t1", "-c\(connections)", "-d\(Int(seconds))s", "http://127.0.0.1:\(port)/small",
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
private func processorNanoseconds(_ who: CInt) -> Double {
    var usage = rusage()
    getrusage(who, &usage)
    return Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e9
        + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e3
}

/// Millions of bytes a second that curl throws away, and the milliseconds in a processor that it takes.
private func runCurl(_ port: UInt16) throws -> (rate: Double, processorTime: Double) {
    let before = processorNanoseconds(RUSAGE_CHILDREN.rawValue)
    let taken = try nanoseconds {
        try Program.run(["curl", "-sS", "-o", "/dev/null", "http://127.0.0.1:\(port)/1g"])
    }
    let processorTime = processorNanoseconds(RUSAGE_CHILDREN.rawValue) - before
    return (Double(largeBytes) / taken * 1e3, processorTime / 1e6)
}
