// SwiftNIO on one event loop, doing what Tools/bench measures of Bowline. Prints `rate=FIGURE`.
//
//   nio-bench futures                            a chain of four: ns
//   nio-bench timer-set | timer-cancel           with 1,000,000 timers pending: ns
//   nio-bench execute                            from another thread: ns
//   nio-bench echo PORT CONNECTIONS SECONDS      round trips of 64 bytes a second
//   nio-bench idle PORT CONNECTIONS              bytes of memory for a connection

import Glibc
import NIOCore
import NIOPosix
import Synchronization

let words = CommandLine.arguments
let loop = MultiThreadedEventLoopGroup(numberOfThreads: 1).next()

func report(_ figure: Double) -> Never {
    print("rate=\(figure)")
    exit(0)
}

func number(_ index: Int) -> Int {
    guard words.indices.contains(index), let number = Int(words[index]) else {
        print("usage: see the head of main.swift")
        exit(64)
    }
    return number
}

func nanoseconds(since start: NIODeadline) -> Double { Double((NIODeadline.now() - start).nanoseconds) }

switch words.dropFirst().first {
case "futures": report(try futures(2_000_000))
case "timer-set": report(try timers(1_000_000).set)
case "timer-cancel": report(try timers(1_000_000).cancel)
case "execute": report(execute(1_000_000))
case "echo": report(try echo(port: number(2), connections: number(3), seconds: number(4)))
case "idle": report(try idle(port: number(2), connections: number(3)))
default: _ = number(words.count)
}

func futures(_ count: Int) throws -> Double {
    let loop = loop
    return try loop.submit {
        let start = NIODeadline.now()
        var sum = 0
        for i in 0..<count {
            let promise = loop.makePromise(of: Int.self)
            promise.futureResult.assumeIsolated()
                .map { $0 + 1 }
                .flatMap { loop.makeSucceededFuture($0 + 1) }
                .map { $0 * 2 }
                .whenSuccess { sum &+= $0 }
            promise.succeed(i)
        }
        precondition(sum != 0)
        return nanoseconds(since: start) / Double(count)
    }.wait()
}

/// Sets all; then cancels a thousand of them, spread evenly: cancelling all would take minutes.
func timers(_ count: Int) throws -> (set: Double, cancel: Double) {
    let loop = loop
    return try loop.submit {
        var scheduled: [Scheduled<Void>] = []
        scheduled.reserveCapacity(count)
        let start = NIODeadline.now()
        for i in 0..<count { scheduled.append(loop.scheduleTask(in: .milliseconds(Int64(10_000 + i % 5_000))) {}) }
        let set = nanoseconds(since: start) / Double(count)
        let sample = stride(from: 0, to: count, by: count / 1_000)
        let cancelling = NIODeadline.now()
        for i in sample { scheduled[i].cancel() }
        return (set, nanoseconds(since: cancelling) / 1_000)
    }.wait()
}

/// From the first call on this thread to the last function's end on the loop's.
func execute(_ count: Int) -> Double {
    let ran = Atomic(0)
    let start = NIODeadline.now()
    for _ in 0..<count { loop.execute { _ = ran.add(1, ordering: .relaxed) } }
    _ = try? loop.submit {}.wait()
    precondition(ran.load(ordering: .relaxed) == count)
    return nanoseconds(since: start) / Double(count)
}

final class Ping: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    static let roundTrips = Atomic(0)
    private static let size = 64
    private let message = ByteBuffer(repeating: 65, count: Ping.size)
    private var received = 0

    func channelActive(context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(message), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        received += unwrapInboundIn(data).readableBytes
        guard received >= Ping.size else { return }
        received -= Ping.size
        Ping.roundTrips.add(1, ordering: .relaxed)
        context.writeAndFlush(wrapOutboundOut(message), promise: nil)
    }
}

func echo(port: Int, connections: Int, seconds: Int) throws -> Double {
    let bootstrap = ClientBootstrap(group: loop)
        .channelOption(.tcpOption(.tcp_nodelay), value: 1)
        .channelInitializer { channel in
            channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Ping()) }
        }
    for _ in 0..<connections { _ = try bootstrap.connect(host: "127.0.0.1", port: port).wait() }
    let before = Ping.roundTrips.load(ordering: .relaxed)
    let start = NIODeadline.now()
    sleep(UInt32(seconds))
    let after = Ping.roundTrips.load(ordering: .relaxed)
    return Double(after - before) / (nanoseconds(since: start) / 1e9)
}

func idle(port: Int, connections: Int) throws -> Double {
    let before = residentBytes()
    var channels: [any Channel] = []
    for i in 0..<connections {
        // An address has 28,000 ephemeral ports.
        let own = try SocketAddress(ipAddress: "127.0.0.\(2 + i / 20_000)", port: 0)
        channels.append(try ClientBootstrap(group: loop).bind(to: own).connect(host: "127.0.0.1", port: port).wait())
    }
    return Double(residentBytes() - before) / Double(channels.count)
}

/// What this process holds in memory: the second figure of statm, in pages.
func residentBytes() -> Int {
    guard let file = fopen("/proc/self/statm", "r") else { return 0 }
    defer { fclose(file) }
    var pages = 0
    let read = withUnsafeMutablePointer(to: &pages) { pages in
        withVaList([pages]) { vfscanf(file, "%*d %ld", $0) }
    }
    return read == 1 ? pages * Int(getpagesize()) : 0
}
