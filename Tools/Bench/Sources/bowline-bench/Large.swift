// The large body of `hot`: 1 GiB, streamed and thrown away, beside curl: how fast, how much of a processor, and how much
// memory at the most, which must not depend on the size.

import Bowline
import Glibc

func largeBody(_ setting: Setting) -> [Comparison] {
    var ours = Side.missing("nginx or knot is not installed")
    var (time, curl, curlTime, memory, smallMemory) = (ours, ours, ours, ours, ours)
    if let port = setting.servers?.httpPort {
        let large = "http://127.0.0.1:\(port)/1g"
        ours = .measured { try LargeRun(large, largeBytes).run().rate }
        time = .measured { try LargeRun(large, largeBytes).run().processorTime }
        memory = .measured { try LargeSubject.peak("\(port)/1g") }
        smallMemory = .measured { try LargeSubject.peak("\(port)/small") }
        curl = .missing("curl is not installed")
        curlTime = curl
        if Program.isInstalled("curl") {
            curl = .measured { try runCurl(large).rate }
            curlTime = .measured { try runCurl(large).processorTime }
        }
    }
    return [
        Comparison(
            bench: "hot", name: "a body of 1 GiB, streamed", unit: "MB/s", better: .higher, target: Budget.hot,
            referenceName: "curl", ours: ours, reference: curl, pairs: 5),
        Comparison(
            bench: "hot", name: "processor time of such a body", unit: "ms", better: .lower, target: Budget.hot,
            referenceName: "curl", ours: time, reference: curlTime, pairs: 5),
        Comparison(
            bench: "hot", name: "peak memory of such a process", unit: "KiB", better: .lower, target: Budget.hot,
            referenceName: "12 bytes", ours: memory, reference: smallMemory, pairs: 3),
    ]
}

private let largeBytes = 1 << 30

/// One body, taken as it comes and counted.
private final class LargeRun: BodyConsumer {
    private let reactor = Reactor()
    private let url: String
    private let expected: Int
    private var count = 0
    private var failure: (any Error)?

    init(_ url: String, _ expected: Int) {
        self.url = url
        self.expected = expected
    }

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
        guard count == expected else { throw Program.Failure(description: "\(count) of \(expected) bytes came") }
        let processorTime = processorNanoseconds(CInt(RUSAGE_SELF.rawValue)) - before
        return (Double(count) / taken * 1e3, processorTime / 1e6)
    }

    func bodyReceived(_ bytes: RawSpan) { count += bytes.byteCount }

    func bodyEnded(_ failure: PageError?) {
        self.failure = failure
        reactor.stop()
    }
}

/// Fetches one body in a process of its own, since what ran before in this one has left its mark on the peak.
enum LargeSubject {
    static let flag = "--large-subject"

    /// KiB.
    fileprivate static func peak(_ portAndPath: String) throws -> Double {
        try Program.rate([try FileLink.target(of: "/proc/self/exe"), flag, portAndPath])
    }

    static func run(_ portAndPath: String) throws {
        _ = try LargeRun("http://127.0.0.1:\(portAndPath)", portAndPath.hasSuffix("/1g") ? largeBytes : 12).run()
        // Not getrusage's, which knows of the process that this one was made from, too.
        let status = try Program.output(["grep", "VmHWM", "/proc/\(getpid())/status"])
        print("rate=\(status.split(whereSeparator: \.isWhitespace)[1])")
    }
}

/// Millions of bytes a second that curl throws away, and the milliseconds in a processor that it takes.
private func runCurl(_ url: String) throws -> (rate: Double, processorTime: Double) {
    let before = processorNanoseconds(RUSAGE_CHILDREN.rawValue)
    let taken = try nanoseconds {
        try Program.run(["curl", "-sS", "-o", "/dev/null", url])
    }
    let processorTime = processorNanoseconds(RUSAGE_CHILDREN.rawValue) - before
    return (Double(largeBytes) / taken * 1e3, processorTime / 1e6)
}
