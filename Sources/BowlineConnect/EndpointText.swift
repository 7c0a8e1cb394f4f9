// Endpoints as text, the way configuration files and command lines give them: `tcp:example.com:80`,
// `tcp:host=example.com:port=80:timeout=15`, `unix:/run/app.sock`. This file reads the grammar; what the words mean is in
// Reactor+Endpoints.swift.

public import BowlineTransport

/// Says what is wrong with the text of an endpoint.
///
/// ```swift
/// do throws(EndpointError) {
///     _ = try reactor.clientFromString("tcp:example.com")
/// } catch {
///     print(error)        // "tcp:example.com" is no endpoint: tcp needs a port, as in tcp:example.com:80
/// }
/// ```
public struct EndpointError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong.
    public enum Problem: Hashable, Sendable {
        /// It begins with a kind that nobody knows.
        case unknownKind(String)
        /// An argument is missing.
        case missing(String)
        /// There is an argument that the kind doesn't have.
        case unknownArgument(String)
        /// An argument is given twice.
        case repeated(String)
        /// There are more arguments without a name than the kind has.
        case tooManyArguments
        /// An argument's value is none of its values; and what would be.
        case badValue(argument: String, value: String, expected: String)
        /// A file that it names can't be used for TLS.
        case unusable(TLSError)
        /// A backslash at the end, or a `[` without its `]`.
        case unfinished
    }

    /// The text as it was given.
    public let text: String
    /// What is wrong with it.
    public let problem: Problem
    let example: String

    init(_ text: String, _ problem: Problem, example: String) {
        self.text = Self.hidingCredentials(text, from: "proxy=")
        if case .badValue("proxy", let value, let expected) = problem {
            self.problem = .badValue(
                argument: "proxy", value: Self.hidingCredentials(value, from: ""), expected: expected)
        } else {
            self.problem = problem
        }
        self.example = example
    }

    /// A text without what stands between a mark and an @: a proxy's may be a password, and errors are logged.
    private static func hidingCredentials(_ text: String, from mark: String) -> String {
        let start = mark.isEmpty ? text.startIndex : text.firstRange(of: mark)?.upperBound
        guard let start, let end = text[start...].lastIndex(of: "@") else { return text }
        return text[..<start] + "…" + text[end...]
    }

    /// One line, with an example of what would be right.
    public var description: String {
        "\(text.debugDescription) is no endpoint: \(explanation)"
    }

    private var explanation: String {
        switch problem {
        case .unknownKind(let kind):
            "the kind \(kind.debugDescription) is unknown; write it as in \(example)"
        case .missing(let name): "\(name) is missing, as in \(example)"
        case .unknownArgument(let name): "there is no argument \(name.debugDescription); write it as in \(example)"
        case .repeated(let name): "\(name) is given twice"
        case .tooManyArguments:
            "it has too many parts; write it as in \(example), with a backslash before a colon that is meant as such"
        case .badValue(let name, let value, let expected):
            "\(name) is \(value.debugDescription), and should be \(expected)"
        case .unusable(let error): "\(error)"
        case .unfinished: "a backslash needs a character behind it, and a [ its ]"
        }
    }
}

/// The parts of an endpoint's text: colons between them, `=` after the name of one that has a name. A backslash takes
/// the next character as it is; so does a value in brackets, so that IPv6 addresses can be written as usual.
struct EndpointText {
    let text: String
    private(set) var kind = ""
    private var positional: [String] = []
    private var named: [String: String] = [:]
    /// A text of this kind that is right, for errors.
    var example = "tcp:example.com:80"

    init(_ text: String) throws(EndpointError) {
        self.text = text
        let parts = try Self.split(text)
        guard let first = parts.first, first.name == nil else {
            throw EndpointError(text, .unknownKind(parts.first?.name ?? ""), example: example)
        }
        kind = first.value
        for part in parts.dropFirst() {
            guard let name = part.name else {
                positional.append(part.value)
                continue
            }
            guard named.updateValue(part.value, forKey: name) == nil else {
                throw EndpointError(text, .repeated(name), example: example)
            }
        }
    }

    func error(_ problem: EndpointError.Problem) -> EndpointError {
        EndpointError(text, problem, example: example)
    }

    /// Gives the parts without a name their names, in this order, and refuses names that are in neither list.
    mutating func assign(positions: [String], others: [String]) throws(EndpointError) {
        guard positional.count <= positions.count else { throw error(.tooManyArguments) }
        for (name, value) in zip(positions, positional) {
            guard named.updateValue(value, forKey: name) == nil else { throw error(.repeated(name)) }
        }
        positional = []
        for name in named.keys.sorted() where !positions.contains(name) && !others.contains(name) {
            throw error(.unknownArgument(name))
        }
    }

    subscript(name: String) -> String? { named[name] }

    func required(_ name: String) throws(EndpointError) -> String {
        guard let value = named[name], !value.isEmpty else { throw error(.missing(name)) }
        return value
    }

    /// A value that `make` understands; nil if it isn't given.
    func optional<Value>(
        _ name: String, expected: String, _ make: (String) -> Value?
    ) throws(EndpointError) -> Value? {
        guard let text = named[name] else { return nil }
        guard let value = make(text) else {
            throw error(.badValue(argument: name, value: text, expected: expected))
        }
        return value
    }

    func requiredPort(from lowest: UInt16) throws(EndpointError) -> UInt16 {
        let text = try required("port")
        guard let port = Self.number(text, in: UInt64(lowest)...65535) else {
            throw error(.badValue(argument: "port", value: text, expected: "a number from \(lowest) to 65535"))
        }
        return UInt16(port)
    }

    /// Digits only: no sign, no space.
    static func number(_ text: String, in range: ClosedRange<UInt64>) -> UInt64? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = UInt64(text) else {
            return nil
        }
        return range.contains(number) ? number : nil
    }

    /// Seconds with at most nine decimals, above 0 and up to a year.
    static func seconds(_ text: String) -> Duration? {
        let halves = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let whole = number(String(halves[0]), in: 0...31_536_000) else { return nil }
        guard halves.count == 2 else { return whole > 0 ? .seconds(whole) : nil }
        guard halves[1].utf8.count <= 9, let decimals = number(String(halves[1]), in: 0...999_999_999) else {
            return nil
        }
        let scale = (halves[1].utf8.count..<9).reduce(1) { scale, _ in scale * 10 }
        let duration = Duration.seconds(whole) + .nanoseconds(Int64(decimals) * Int64(scale))
        return duration > .zero ? duration : nil
    }

    private struct Part {
        var name: String?
        var value = ""
    }

    private static func split(_ text: String) throws(EndpointError) -> [Part] {
        var parts: [Part] = []
        var part = Part()
        var isEscaped = false
        var isInBrackets = false
        for character in text.unicodeScalars {
            if isEscaped {
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
                continue
            } else if isInBrackets {
                isInBrackets = character != "]"
                if !isInBrackets { continue }
            } else if character == "[", part.value.isEmpty {
                isInBrackets = true
                continue
            } else if character == ":" {
                parts.append(part)
                part = Part()
                continue
            } else if character == "=", part.name == nil {
                part.name = part.value
                part.value = ""
                continue
            }
            part.value.unicodeScalars.append(character)
        }
        guard !isEscaped, !isInBrackets else {
            throw EndpointError(text, .unfinished, example: "tcp:[::1]:80")
        }
        return parts + [part]
    }
}
