// Reads llhttp's test cases: Markdown with a fenced input and a fenced log of events. What counts of the log is which
// heads, bodies and ends there are; its offsets point into the input.

import BowlineWeb

/// One fenced case, and what its log says.
struct LLHTTPCase {
    /// A response as far as it came.
    struct Message: Equatable {
        var status = 0
        var fields: [[String]] = []
        var body: [UInt8] = []
        var isComplete = false
    }

    struct Outcome: Equatable {
        var messages: [Message] = []
        var isRefused = false
    }

    var name: String
    var input: [UInt8]
    var expected: Outcome

    /// Feeds a parser that is told to expect another response as long as the log has one; what follows is excess.
    func run(_ pieces: [ArraySlice<UInt8>]) -> Outcome {
        var outcome = Outcome()
        var parser = HTTPResponseParser()
        var isSwitched = false
        do throws(HTTPParseError) {
            for piece in pieces {
                let bytes = Array(piece)
                var position = 0
                loop: while true {
                    switch try parser.next(bytes.span.bytes, at: &position) {
                    case .needsMore: break loop
                    case .interim: outcome.messages.append(message(parser.head, isComplete: true))
                    case .head: outcome.messages.append(message(parser.head, isComplete: false))
                    case .body(let range): outcome.messages[outcome.messages.count - 1].body += bytes[range]
                    case .end:
                        outcome.messages[outcome.messages.count - 1].isComplete = true
                        isSwitched = parser.head.status == 101
                    case .excess(let range):
                        if isSwitched || outcome.messages.count >= expected.messages.count { break loop }
                        parser.begin(.other)
                        position = range.lowerBound
                    }
                }
            }
        } catch {
            outcome.isRefused = true
        }
        return outcome
    }

    private func message(_ head: HTTPResponseHead, isComplete: Bool) -> Message {
        let fields = (0..<head.fields.count).map { [head.fields[$0].name, head.fields[$0].value] }
        return Message(status: head.status, fields: fields, isComplete: isComplete)
    }

    // MARK: - Reading

    /// The cases of a file; nil for one that can't be read.
    static func all(in text: String) -> [LLHTTPCase?] {
        text.split(separator: "\n## ").dropFirst().map { section in
            guard let name = section.split(separator: "\n").first, let input = fence("http", in: section),
                let log = fence("log", in: section)
            else { return nil }
            let bytes = unescaped(input)
            return LLHTTPCase(name: String(name), input: bytes, expected: outcome(of: log, bytes))
        }
    }

    private static func fence(_ kind: String, in section: Substring) -> Substring? {
        guard let start = section.firstRange(of: "```\(kind)\n") else { return nil }
        let rest = section[start.upperBound...]
        guard let end = rest.firstRange(of: "\n```") else { return nil }
        return rest[..<end.lowerBound]
    }

    /// As llhttp's own runner does it: an escaped newline is none, newlines are CR LF, then \r \n \t \f.
    private static func unescaped(_ text: Substring) -> [UInt8] {
        var output: [UInt8] = []
        var octets = text.utf8.makeIterator()
        while let octet = octets.next() {
            switch octet {
            case UInt8(ascii: "\n"): output += "\r\n".utf8
            case UInt8(ascii: "\\"):
                switch octets.next() {
                case UInt8(ascii: "\n"): break
                case UInt8(ascii: "r"): output.append(0x0D)
                case UInt8(ascii: "n"): output.append(0x0A)
                case UInt8(ascii: "t"): output.append(0x09)
                case UInt8(ascii: "f"): output.append(0x0C)
                case let other: output += [octet] + [other].compactMap { $0 }
                }
            default: output.append(octet)
            }
        }
        return output
    }

    private static func outcome(of log: Substring, _ input: [UInt8]) -> Outcome {
        var outcome = Outcome()
        var message = Message()
        var isHeadComplete = false
        var name: [UInt8] = []
        var value: [UInt8] = []
        func finish() {
            if isHeadComplete { outcome.messages.append(message) }
            message = Message()
            isHeadComplete = false
        }
        for line in log.split(separator: "\n") {
            let span = line.firstMatch(of: /^off=(\d+) len=(\d+) span\[(\w+)\]/)
            if let span, let offset = Int(span.1), let length = Int(span.2) {
                let bytes = input[offset..<(offset + length)]
                switch span.3 {
                case "header_field": name += bytes
                case "header_value": value += bytes
                case "body": message.body += bytes
                default: break
                }
            } else if line.hasSuffix("header_value complete") {
                let text = String(decoding: value, as: UTF8.self)
                let trimmed = text.reversed().drop { $0 == " " }.reversed()
                message.fields.append([String(decoding: name, as: UTF8.self), String(trimmed)])
                (name, value) = ([], [])
            } else if let match = line.firstMatch(of: /headers complete status=(\d+)/) {
                message.status = Int(match.1) ?? 0
                isHeadComplete = true
            } else if line.hasSuffix("message complete") {
                message.isComplete = true
                finish()
            } else if line.contains(" error code=") {
                // 22 is the end of HTTP after 101; 5 is data after the last response, which is excess here.
                outcome.isRefused = !line.contains("code=22 ") && !line.contains("code=5 ")
            }
        }
        finish()
        return outcome
    }
}
