// Lines, netstrings and counted strings: the same messages however the bytes are split.

import Bowline
import BowlineTesting
import Testing

/// What a receiver was told.
enum Message: Hashable {
    case line(String)
    case raw(String)
    case string(String)
    case tooLong
    case fault(NetstringReceiver.Fault)
    case limit(Int)
}

private func text(_ bytes: RawSpan) -> String {
    String(decoding: bytes.withUnsafeBytes { Array($0) }, as: UTF8.self)
}

private final class Lines: LineReceiver {
    var messages: [Message] = []
    var onLine: ((Lines, String) -> Void)?
    var onRaw: ((Lines, String) -> Void)?
    var closesOnExcess = true

    override func lineReceived(_ line: RawSpan) {
        let line = text(line)
        messages.append(.line(line))
        onLine?(self, line)
    }

    override func rawDataReceived(_ bytes: RawSpan) {
        let bytes = text(bytes)
        // How raw bytes are cut is not promised.
        if case .raw(let before)? = messages.last {
            messages[messages.count - 1] = .raw(before + bytes)
        } else {
            messages.append(.raw(bytes))
        }
        onRaw?(self, bytes)
    }

    override func lineLengthExceeded() {
        messages.append(.tooLong)
        if closesOnExcess { super.lineLengthExceeded() }
    }
}

private final class Netstrings: NetstringReceiver {
    var messages: [Message] = []
    override func stringReceived(_ string: RawSpan) { messages.append(.string(text(string))) }
    override func stringRejected(_ fault: Fault) {
        messages.append(.fault(fault))
        super.stringRejected(fault)
    }
}

private final class Counted: Int16StringReceiver {
    var messages: [Message] = []
    override func stringReceived(_ string: RawSpan) { messages.append(.string(text(string))) }
    override func lengthLimitExceeded(_ length: Int) {
        messages.append(.limit(length))
        super.lengthLimitExceeded(length)
    }
}

/// Delivers `input` to a protocol in pieces of the given sizes, which are used again and again.
private func deliver(_ input: [UInt8], to receiver: any Protocol, in sizes: [Int]) {
    let transport = MemoryTransport()
    transport.start(receiver)
    var rest = input[...]
    var turn = 0
    while !rest.isEmpty {
        transport.deliver(Array(rest.prefix(sizes[turn % sizes.count])))
        rest = rest.dropFirst(sizes[turn % sizes.count])
        turn += 1
    }
    transport.pump()
}

/// A generator of the same numbers for the same seed (SplitMix64).
private struct Seeded: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

@Suite struct LineReceiverTests {
    private static let cases: [(input: String, messages: [Message])] = [
        ("", []),
        ("a\r\n", [.line("a")]),
        ("a\r\nbc\r\n\r\nd", [.line("a"), .line("bc"), .line("")]),
        ("\r\r\n\n\r\n", [.line("\r"), .line("\n")]),
        ("a\nb\rc\r\n", [.line("a\nb\rc")]),
        ("12345678\r\n", [.line("12345678")]),
        ("123456789\r\nx\r\n", [.tooLong]),
        ("1234567\r\r\nx\r\n", [.line("1234567\r"), .line("x")]),
        ("12345678\r\r\nx\r\n", [.tooLong]),
        ("x\r\n1234567890123456789012345", [.line("x"), .tooLong]),
    ]

    @Test("lines are the same whole, byte by byte and in any pieces", arguments: cases)
    func lines(input: String, messages: [Message]) {
        for sizes in [[Int.max], [1], [2], [3, 1], [5]] {
            let receiver = Lines()
            receiver.maxLength = 8
            deliver(Array(input.utf8), to: receiver, in: sizes)
            #expect(receiver.messages == messages, "in pieces of \(sizes)")
        }
    }

    @Test("a line that is too long closes the connection")
    func tooLongCloses() {
        let receiver = Lines()
        let transport = MemoryTransport()
        transport.start(receiver)
        transport.deliver([UInt8](repeating: 65, count: 16_384))
        #expect(transport.isConnected)
        transport.deliver([UInt8](repeating: 65, count: 10))
        #expect(transport.state == .ended(.done))
        #expect(receiver.messages == [.tooLong])
    }

    @Test("an override that doesn't close skips the line and goes on with the next")
    func tooLongSkips() {
        for sizes in [[Int.max], [1], [7], [3, 11]] {
            let receiver = Lines()
            receiver.maxLength = 8
            receiver.closesOnExcess = false
            let input = "ok\r\n" + String(repeating: "long\r", count: 50) + "\r\nnext\r\n123456789\r\n\r\n"
            deliver(Array(input.utf8), to: receiver, in: sizes)
            #expect(receiver.messages == [.line("ok"), .tooLong, .line("next"), .tooLong, .line("")], "\(sizes)")
        }
    }

    @Test("another delimiter may be of one byte or of many", arguments: ["\n", "--", "abab"])
    func delimiters(delimiter: String) {
        for sizes in [[Int.max], [1], [2], [3]] {
            let receiver = Lines()
            receiver.delimiter = Array(delimiter.utf8)
            deliver(Array("one\(delimiter)two-\(delimiter)abaxab\(delimiter)".utf8), to: receiver, in: sizes)
            // The first place where the delimiter stands counts, also where it overlaps with what comes before it.
            let expected =
                switch delimiter {
                case "--": ["one", "two", "-abaxab"]
                case "abab": ["one", "two-", "abax"]
                default: ["one", "two-", "abaxab"]
                }
            #expect(receiver.messages == expected.map { .line($0) }, "\(sizes)")
        }
    }

    @Test("raw mode begins behind the line that asked for it, and gives back what it doesn't want")
    func rawMode() {
        for sizes in [[Int.max], [1], [2], [3], [4, 1]] {
            let receiver = Lines()
            var wanted = 0
            receiver.onLine = { receiver, line in
                guard let count = Int(line) else { return }
                wanted = count
                receiver.setRawMode()
            }
            receiver.onRaw = { receiver, bytes in
                let used = min(wanted, bytes.utf8.count)
                wanted -= used
                if wanted == 0 {
                    let extra = Array(bytes.utf8.dropFirst(used))
                    if !extra.isEmpty, case .raw(let raw)? = receiver.messages.last {
                        let kept = raw.utf8.dropLast(extra.count)
                        receiver.messages[receiver.messages.count - 1] = .raw(String(decoding: kept, as: UTF8.self))
                    }
                    receiver.setLineMode(extra: extra)
                }
            }
            deliver(Array("head\r\n5\r\na\nb:cnext\r\n2\r\n!?end\r\n".utf8), to: receiver, in: sizes)
            #expect(
                receiver.messages == [
                    .line("head"), .line("5"), .raw("a\nb:c"), .line("next"), .line("2"), .raw("!?"), .line("end"),
                ], "\(sizes)")
        }
    }

    @Test("a paused receiver delivers nothing, and everything in order when it is resumed")
    func pause() {
        let receiver = Lines()
        let transport = MemoryTransport()
        transport.start(receiver)
        receiver.onLine = { receiver, line in if line == "stop" { receiver.pauseReading() } }
        transport.deliver("a\r\nstop\r\nb\r\nstop\r\nc\r\nd")
        #expect(receiver.messages == [.line("a"), .line("stop")])
        #expect(transport.isReadingPaused)
        transport.deliver("e\r\n")
        #expect(receiver.messages.count == 2)
        receiver.resumeReading()
        #expect(receiver.messages == [.line("a"), .line("stop"), .line("b"), .line("stop")])
        #expect(transport.isReadingPaused)
        receiver.resumeReading()
        transport.pump()
        #expect(!transport.isReadingPaused)
        #expect(
            receiver.messages == [.line("a"), .line("stop"), .line("b"), .line("stop"), .line("c"), .line("de")])
    }

    @Test("pausing and resuming inside lineReceived changes nothing")
    func pauseAndResumeInside() {
        let receiver = Lines()
        let transport = MemoryTransport()
        transport.start(receiver)
        receiver.onLine = { receiver, _ in
            receiver.pauseReading()
            receiver.resumeReading()
        }
        transport.deliver("a\r\nb\r\nc")
        transport.deliver("\r\n")
        #expect(receiver.messages == [.line("a"), .line("b"), .line("c")])
        #expect(!transport.isReadingPaused)
    }

    @Test("no line is delivered once the connection is being closed")
    func closeInside() {
        let receiver = Lines()
        receiver.onLine = { receiver, _ in receiver.transport?.loseConnection() }
        deliver(Array("a\r\nb\r\n".utf8), to: receiver, in: [.max])
        #expect(receiver.messages == [.line("a")])
    }

    @Test("sendLine adds the delimiter")
    func sendLine() {
        let receiver = Lines()
        let transport = MemoryTransport()
        transport.start(receiver)
        receiver.sendLine("hello")
        #expect(transport.takeWrittenText() == "hello\r\n")
    }
}

@Suite struct StringReceiverTests {
    private static let netstringCases: [(input: String, messages: [Message])] = [
        ("0:,", [.string("")]),
        ("5:hello,0:,3:a,b,", [.string("hello"), .string(""), .string("a,b")]),
        ("20:12345678901234567890,", [.string("12345678901234567890")]),
        ("21:", [.fault(.tooLong)]),
        ("99999999999999999999999999", [.fault(.tooLong)]),
        ("1:a;", [.fault(.malformed)]),
        ("1:ab", [.fault(.malformed)]),
        (":a,", [.fault(.malformed)]),
        ("01:a,", [.fault(.malformed)]),
        ("00:,", [.fault(.malformed)]),
        ("-1:a,", [.fault(.malformed)]),
        (" 1:a,", [.fault(.malformed)]),
        ("1 :a,", [.fault(.malformed)]),
        ("2:ok,x", [.string("ok"), .fault(.malformed)]),
        ("2:ok,1:a!2:no,", [.string("ok"), .fault(.malformed)]),
        ("5:hell", []),
        ("5:hello", []),
    ]

    @Test("netstrings are the same whole, byte by byte and in any pieces", arguments: netstringCases)
    func netstrings(input: String, messages: [Message]) {
        for sizes in [[Int.max], [1], [2], [3, 1], [5]] {
            let receiver = Netstrings()
            receiver.maxLength = 20
            deliver(Array(input.utf8), to: receiver, in: sizes)
            #expect(receiver.messages == messages, "in pieces of \(sizes)")
        }
    }

    @Test(
        "a netstring's length never overflows, however long strings may be",
        arguments: [
            ("9223372036854775807:", [Message]()), ("9223372036854775808:", [.fault(.tooLong)]),
            ("99999999999999999999:", [.fault(.tooLong)]), ("2:ok,", [.string("ok")]),
        ])
    func netstringOverflow(input: String, messages: [Message]) {
        let receiver = Netstrings()
        receiver.maxLength = .max
        deliver(Array(input.utf8), to: receiver, in: [Int.max])
        #expect(receiver.messages == messages)
    }

    @Test("a netstring that is refused closes the connection")
    func netstringCloses() {
        let receiver = Netstrings()
        let transport = MemoryTransport()
        transport.start(receiver)
        transport.deliver("x")
        #expect(transport.state == .ended(.done))
    }

    @Test("what is sent as a netstring is received as one")
    func netstringRoundTrip() {
        let (near, far) = (Netstrings(), Netstrings())
        let pump = MemoryPump.joining(client: near, server: far, portion: 1)
        for string in ["", "a", "12:,", String(repeating: "é", count: 5000)] { near.sendString(string) }
        pump.flush()
        #expect(far.messages == ["", "a", "12:,", String(repeating: "é", count: 5000)].map { .string($0) })
    }

    @Test("counted strings are the same whole, byte by byte and in any pieces")
    func counted() {
        let input: [UInt8] = [0, 0, 0, 2, 104, 105, 1, 0] + [UInt8](repeating: 65, count: 256) + [0, 1]
        for sizes in [[Int.max], [1], [2], [3, 1], [100]] {
            let receiver = Counted()
            deliver(input, to: receiver, in: sizes)
            #expect(
                receiver.messages == ["", "hi", String(repeating: "A", count: 256)].map { .string($0) }, "\(sizes)")
        }
    }

    @Test("a counted string that is too long closes the connection as soon as it is announced")
    func countedTooLong() {
        for sizes in [[Int.max], [1]] {
            let receiver = Counted()
            receiver.maxLength = 256
            deliver([0, 1, 65, 1, 1, 66, 66, 0, 0], to: receiver, in: sizes)
            #expect(receiver.messages == [.string("A"), .limit(257)])
        }
    }

    @Test("the length goes out in network order, in one, two or four bytes")
    func prefixes() {
        let receivers: [(IntNStringReceiver, [UInt8], Int)] = [
            (Int8StringReceiver(), [2], 255), (Int16StringReceiver(), [0, 2], 65_535),
            (Int32StringReceiver(), [0, 0, 0, 2], 4_294_967_295),
        ]
        for (receiver, prefix, longest) in receivers {
            let transport = MemoryTransport()
            transport.start(receiver)
            receiver.sendString("ok")
            #expect(transport.takeWritten() == prefix + Array("ok".utf8))
            #expect(receiver.longestString == longest)
        }
    }

    @Test("messages are the same for a thousand random inputs and splits", arguments: [1, 2, 3] as [UInt64])
    func fuzz(seed: UInt64) {
        var random = Seeded(state: seed)
        let alphabet = Array("ab\r\n0123:,\0".utf8)
        for round in 0..<1000 {
            // Half of the inputs are well formed here and there, or little would get past the first byte.
            var input: [UInt8] = []
            for _ in 0..<Int.random(in: 0...12, using: &random) {
                switch Int.random(in: 0...3, using: &random) {
                case 0: input += Array("\(Int.random(in: 0...5, using: &random)):abc,".utf8)
                case 1: input += Array("abc\r\n".utf8)
                case 2: input += [0, UInt8.random(in: 0...9, using: &random)]
                default:
                    input += (0..<Int.random(in: 0...20, using: &random)).map { _ in
                        alphabet.randomElement(using: &random) ?? 0
                    }
                }
            }
            let sizes = (0..<5).map { _ in Int.random(in: 1...9, using: &random) }
            func run(_ sizes: [Int]) -> [[Message]] {
                let (lines, skipping, netstrings, counted) = (Lines(), Lines(), Netstrings(), Counted())
                skipping.closesOnExcess = false
                for receiver in [lines, skipping] { receiver.maxLength = 8 }
                netstrings.maxLength = 4
                counted.maxLength = 12
                for receiver in [lines, skipping, netstrings, counted] as [any Protocol] {
                    deliver(input, to: receiver, in: sizes)
                }
                return [lines.messages, skipping.messages, netstrings.messages, counted.messages]
            }
            let whole = run([.max])
            guard run(sizes) == whole, run([1]) == whole else {
                Issue.record("seed \(seed), round \(round): \(input) in pieces of \(sizes)")
                return
            }
        }
    }
}
