// The ratios that Bowline must reach, higher being better. Where the goal was set as an absolute figure beside a
// reference's, the ratio of the two is the target: the figures themselves change with the machine.

enum Budget {
    /// Fetches of 10,000 unique names against raw c-ares + epoll in C.
    static let cold = 0.95
    /// GET over 64 kept-alive connections against wrk.
    static let hot = 0.90
    /// The same over TLS.
    static let hotTLS = 0.8
    /// Lookups of 200,000 unique names against raw c-ares at its best window, at any concurrency.
    static let names = 1.0
    /// A cache hit in 150 ns, where a Swift class is allocated and freed in 29 ns.
    static let cacheHit = 29.0 / 150
    /// A chain of four in 300 ns, where SwiftNIO's futures take 1,060 to 1,250 ns.
    static let deferredChain = 1_155.0 / 300
    /// With 1,000,000 timers pending: 100 ns to set one, where SwiftNIO takes 1,200 ns.
    static let timerSet = 1_200.0 / 100
    /// And 100 ns to cancel it, where SwiftNIO takes 254 µs.
    static let timerCancel = 254_000.0 / 100
    /// 150 ns, where SwiftNIO's execute takes 410 to 640 ns.
    static let callFromThread = 525.0 / 150
    /// Round trips over 64 connections against epoll in C.
    static let echo = 0.97
    /// 700 bytes for an idle connection, where SwiftNIO needs 2,324.
    static let idleConnection = 2_324.0 / 700
    /// One fetch by the command against curl, whole processes.
    static let startup = 1.0
    /// And at most one and a half times its memory.
    static let startupMemory = 1 / 1.5
}
