// What the tests of whole fetches share: a reactor on a thread of its own, and outcomes in words that can be compared.

import Bowline
import BowlineTesting
import CLinux
import Glibc
import Synchronization
import TestSupport

/// Runs `body` as a task on a reactor of its own, on a thread of its own. One that isn't over in time throws
/// `ReactorStopped`.
func onReactor<Value: Sendable>(
    within limit: Duration = .seconds(120),
    _ body: nonisolated(nonsending) @escaping @Sendable (Reactor) async throws -> Value
) async throws -> Value {
    try await Reactor.run { reactor in
        reactor.callLater(limit) { reactor.stop() }
        return try await body(reactor)
    }
}

/// How a fetch ended: `200 body`, or the phase and the code of its failure.
func outcome(_ reactor: Reactor, _ request: PageRequest) async -> String {
    do {
        let page = try await reactor.fetch(request).value
        return "\(page.status) \(page.text)"
    } catch {
        return words(error)
    }
}

func outcome(_ reactor: Reactor, _ url: String) async -> String {
    await outcome(reactor, PageRequest(url))
}

func words(_ error: any Error) -> String {
    guard let error = error as? PageError else { return "\(error)" }
    return "\(error.phase.rawValue)/\(error.code)"
}

/// The error of a fetch that has to fail.
func failure(_ reactor: Reactor, _ request: PageRequest) async throws -> PageError {
    do {
        let page = try await reactor.fetch(request).value
        throw Unexpected("a page: \(page.status)")
    } catch let error as PageError {
        return error
    }
}

struct Unexpected: Error {
    let what: String
    init(_ what: String) { self.what = what }
}

/// So many bytes that no shift leaves the same. Made by doubling, which is fast in a debug build too.
func pattern(_ count: Int) -> [UInt8] {
    var bytes = (0..<min(count, 251)).map { UInt8($0) }
    while bytes.count < count { bytes += bytes.prefix(count - bytes.count) }
    return bytes
}

/// Waits until something is so, looking once a millisecond.
func until(_ reactor: Reactor, _ condition: () -> Bool) async throws {
    while !condition() { try await reactor.deferLater(.milliseconds(1)) {}.value }
}

/// A port on which a responder sends exactly these bytes to whoever has sent a request, and then does this.
func port(
    _ reactor: Reactor, sending bytes: [UInt8], then ending: HTTPResponder.Ending = .close, pieces: Int? = nil
) throws -> UInt16 {
    try HTTPResponder(reactor: reactor) { _ in
        let end: HTTPResponder.Action =
            switch ending {
            case .close: .close
            case .reset: .reset
            case .stall: .stall
            }
        let whole = HTTPResponder.Action.sequence([.raw(bytes), end])
        return pieces.map { .pieces(of: $0, every: .zero, whole) } ?? whole
    }.port
}

/// A server whose connections a closure serves, from the moment when they stand.
func port(_ reactor: Reactor, serving serve: @escaping (AccumulatingHalfCloseableProtocol) -> Void) throws -> UInt16 {
    let factory = ServerFactory {
        let connection = AccumulatingHalfCloseableProtocol()
        connection.onMade = { _ in serve(connection) }
        return connection
    }
    return try reactor.listenTCP(port: 0, interface: .v4(.loopback), factory: factory).address.port ?? 0
}

/// Remembers words that come from another thread.
final class Seen: Sendable {
    private let lines = Mutex<[String]>([])
    var all: [String] { lines.withLock { $0 } }
    func note(_ line: String) { lines.withLock { $0.append(line) } }
}

/// How many TCP sockets of this process are connected, or connecting, to a port. Other tests' sockets don't count.
func connectedSockets(to port: UInt16) -> Int {
    let suffix = ":" + hex(port)
    var inodes: Set<String> = []
    for table in ["/proc/self/net/tcp", "/proc/self/net/tcp6"] {
        for line in contents(of: table).split(separator: "\n").dropFirst() {
            let fields = line.split(separator: " ")
            if fields.count > 9, fields[2].hasSuffix(suffix) { inodes.insert("socket:[\(fields[9])]") }
        }
    }
    return OpenDescriptors.all().values.count { inodes.contains($0) }
}

private func hex(_ port: UInt16) -> String {
    let digits = String(port, radix: 16, uppercase: true)
    return String(repeating: "0", count: 4 - digits.count) + digits
}

private func contents(of path: String) -> String {
    guard let file = fopen(path, "r") else { return "" }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    while true {
        let piece = [UInt8](unsafeUninitializedCapacity: 65536) { buffer, count in
            count = fread(buffer.baseAddress, 1, buffer.count, file)
        }
        if piece.isEmpty { return String(decoding: bytes, as: UTF8.self) }
        bytes += piece
    }
}

/// A port to which connecting stays silent: its listener's queue is full, and nobody accepts.
final class SilentPort: Sendable {
    let port: UInt16
    private let descriptors: [CInt]

    init() {
        let listener = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let size = length
        func with(_ body: (UnsafeMutablePointer<sockaddr>) -> CInt) {
            _ = withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0) }
            }
        }
        with { bind(listener, $0, size) }
        with { getsockname(listener, $0, &length) }
        listen(listener, 0)
        var descriptors = [listener]
        for _ in 0..<2 {
            let filler = socket(AF_INET, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_NONBLOCK.rawValue), 0)
            with { connect(filler, $0, size) }
            descriptors.append(filler)
        }
        port = UInt16(bigEndian: address.sin_port)
        self.descriptors = descriptors
    }

    /// How many sockets keep the queue full.
    var fillerCount: Int { descriptors.count - 1 }

    deinit {
        for descriptor in descriptors { close(descriptor) }
    }
}
