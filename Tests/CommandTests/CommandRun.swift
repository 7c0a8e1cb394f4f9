// Runs the command that was built with the tests, or the one that BOWLINE_COMMAND names, and reads what it printed.

import FoundationEssentials
import TestSupport
import Testing

/// The command that is tested.
enum TestedCommand {
    /// Another than the one that was built with the tests.
    static let named = ProcessInfo.processInfo.environment["BOWLINE_COMMAND"]

    static func path() throws -> String { try named ?? Executables.product("resolve-and-fetch") }
}

/// Runs `resolve-and-fetch` to its end, with a cache of its own unless the environment names one.
func command(
    _ arguments: [String], environment: [String: String?] = [:], input: String = "",
    interruption: Subprocess.Interruption? = nil, watchesMemory: Bool = false
) throws -> Subprocess.Output {
    let caches = try TemporaryFolder()
    return try Subprocess.run(
        TestedCommand.path(), arguments,
        environment: environment.merging(["XDG_CACHE_HOME": caches.path]) { given, _ in given }, input: input,
        interruption: interruption, watchesMemory: watchesMemory)
}

/// A JSON value with all its nulls.
enum JSONValue: Decodable, Hashable {
    case null
    case bool(Bool)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([JSONValue].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }

    /// Each line of a text.
    static func lines(_ text: String) throws -> [JSONValue] {
        try text.split(separator: "\n").map { try JSONDecoder().decode(JSONValue.self, from: Data($0.utf8)) }
    }

    subscript(key: String) -> JSONValue? {
        if case .object(let members) = self { members[key] } else { nil }
    }

    subscript(index: Int) -> JSONValue? {
        if case .array(let values) = self, values.indices.contains(index) { values[index] } else { nil }
    }

    var members: [String: JSONValue] { if case .object(let members) = self { members } else { [:] } }
    var keys: Set<String> { if case .object(let members) = self { Set(members.keys) } else { [] } }
    var string: String? { if case .string(let value) = self { value } else { nil } }
    var number: Double? { if case .number(let value) = self { value } else { nil } }
    var array: [JSONValue] { if case .array(let values) = self { values } else { [] } }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByNilLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    init(stringLiteral value: String) { self = .string(value) }
    init(integerLiteral value: Int) { self = .number(Double(value)) }
    init(booleanLiteral value: Bool) { self = .bool(value) }
    init(nilLiteral: ()) { self = .null }
    init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(Dictionary(elements) { _, last in last })
    }
}

extension Subprocess.Output {
    /// Each line of stdout as JSON.
    func json() throws -> [JSONValue] { try JSONValue.lines(stdout) }

    /// The lines of stderr.
    var complaints: [Substring] { stderr.split(separator: "\n") }
}
