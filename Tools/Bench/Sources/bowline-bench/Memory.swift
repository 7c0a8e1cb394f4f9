// `memory`: what 10,000 connections take that stand and do nothing, each with a protocol of its own. Ours counts the
// heap in use, which what ran before in this process doesn't change; SwiftNIO's bench, in a fresh process, what is resident.

import Bowline
import Glibc

func memory(_ setting: Setting) -> [Comparison] {
    let limit = setting.limit("echo")[0]
    guard Program.isInstalled(limit) else { return [] }
    let count = 10_000
    func besideServer(_ body: (UInt16) throws -> Double) throws -> Double {
        let port = try freePort()
        return try Program.with(setting.limit("echo", "server", "\(port)")) { try body(port) }
    }
    let peer = setting.peer("nio-bench")[0]
    let reference: Side =
        Program.isInstalled(peer)
        ? .measured {
            try besideServer { try Program.rate(setting.peer("nio-bench", "idle", "\($0)", "\(count)")) }
        } : .peer([peer])
    return [
        Comparison(
            bench: "memory", name: "an idle connection", unit: "B", better: .lower, target: Budget.idleConnection,
            referenceName: "SwiftNIO", ours: .measured { try besideServer { try idle(port: $0, count: count) } },
            reference: reference, pairs: 1)
    ]
}

private final class Idle: Bowline::Protocol {
    var transport: (any Transport)?
    func dataReceived(_ bytes: RawSpan) {}
}

/// Bytes of heap for each of `count` connections to a server on `port`.
private func idle(port: UInt16, count: Int) throws -> Double {
    let reactor = Reactor()
    let dialer = SocketDialer(reactor: reactor)
    let address = SocketAddress.ip(.v4(.loopback), port: port)
    var before = 0
    var perConnection = 0.0
    var failure: DialError?
    // The first hundred make what a reactor needs once.
    let warmUp = 100

    func dial(_ made: Int) {
        if made == warmUp { before = heapInUse() }
        if made == warmUp + count {
            perConnection = Double(heapInUse() - before) / Double(count)
            reactor.stop()
            return
        }
        _ = dialer.dial(address, from: nil) { result in
            switch result {
            case .success(let connection):
                connection.start(Idle(), onEnd: nil)
                reactor.callLater(.zero) { dial(made + 1) }
            case .failure(let error):
                failure = error
                reactor.stop()
            }
        }
    }
    reactor.callWhenRunning { dial(0) }
    try reactor.run()
    if let failure { throw failure }
    return perConnection
}

/// The heap that is in use by malloc_info(3): what the system gave, less what is free.
private func heapInUse() -> Int {
    // Swift's Glibc leaves out <malloc.h>.
    typealias MallocInfo = @convention(c) (CInt, OpaquePointer?) -> CInt
    var text: UnsafeMutablePointer<CChar>?
    var length = 0
    guard let symbol = dlsym(nil, "malloc_info"), let stream = open_memstream(&text, &length) else { return 0 }
    _ = unsafeBitCast(symbol, to: MallocInfo.self)(0, OpaquePointer(stream))
    fclose(stream)
    defer { free(text) }
    guard let text else { return 0 }
    // The sums over all arenas come last.
    let report = String(cString: text)
    let totals = report.split(separator: "</heap>").last ?? ""
    func bytes(after mark: String) -> Int {
        for line in totals.split(separator: "\n") where line.contains(mark) {
            return line.split(separator: "size=\"").last.flatMap { Int($0.prefix { $0.isNumber }) } ?? 0
        }
        return 0
    }
    return bytes(after: "<system type=\"current\"") + bytes(after: "<total type=\"mmap\"")
        - bytes(after: "<total type=\"fast\"") - bytes(after: "<total type=\"rest\"")
}
