// The datagrams of a turn on their way into the kernel, over two real sockets.

import Bowline
import CLinux
import Glibc
import Testing

@testable import BowlineNames

@Suite("The datagrams of a turn")
struct DatagramBatchTests {
    /// Two connected sockets: what one sends the other receives.
    private func pair() throws -> (Int32, Int32) {
        let ends = try (0..<2).map { _ in try SocketCalls.socket(family: AF_INET, type: SOCK_DGRAM) }
        for end in ends { try SocketCalls.bind(end, .ip(.v4(.loopback), port: 0)) }
        for (end, other) in zip(ends, ends.reversed()) {
            _ = try SocketCalls.connect(end, try #require(SocketCalls.localAddress(other)))
        }
        return (ends[0], ends[1])
    }

    /// What a socket has received: on loopback a datagram is there when its sending returns.
    private func received(_ descriptor: Int32) -> [[UInt8]] {
        var datagrams: [[UInt8]] = []
        var buffer = [UInt8](repeating: 0, count: 1_024)
        while case .bytes(let count) = buffer.withUnsafeMutableBytes({ SocketCalls.receive(descriptor, into: $0) }) {
            datagrams.append(Array(buffer[..<count]))
        }
        return datagrams
    }

    /// Sends datagrams of these lengths, each of octets of its own, and compares.
    private func expectArrival(ofLengths lengths: [Int], faults: [CInt] = []) throws {
        let (sender, receiver) = try pair()
        defer { for end in [sender, receiver] { SocketCalls.close(end) } }
        let datagrams = lengths.enumerated().map { [UInt8](repeating: UInt8($0), count: $1) }
        let batch = DatagramBatch(sender)
        for datagram in datagrams { #expect(datagram.withUnsafeBytes { batch.append($0, of: nil) }) }
        for fault in faults { SocketFaults.plan(.send, fault) }
        defer { SocketFaults.clear() }
        batch.flush { _ in Issue.record("a datagram was refused") }
        #expect(Set(received(receiver)) == Set(datagrams))
        #expect(batch.isEmpty)
    }

    @Test(
        "each arrives whole and by itself, whatever lengths stand beside each other",
        arguments: [
            [28], [28, 28], [28, 28, 28], [28, 40, 28, 40, 33], [40, 39, 38], [288, 12, 288],
            Array(repeating: 50, count: 64), (0..<64).map { 30 + $0 % 7 },
        ])
    func lengths(lengths: [Int]) throws {
        try expectArrival(ofLengths: lengths)
    }

    @Test("where the interface can't cut a piece into datagrams, they leave one by one", arguments: [EIO, EINVAL])
    func refusal(code: CInt) throws {
        try expectArrival(ofLengths: [28, 28, 40, 28], faults: [code])
    }
}
