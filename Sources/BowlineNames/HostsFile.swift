// The system's table of names, /etc/hosts (hosts(5)). A value: whoever sees that the file has changed makes another.
// Names found here are never asked of a server for that family.

public import BowlineTransport

/// The names and addresses of a hosts file.
///
/// ```swift
/// let hosts = HostsFile(contents: "192.0.2.1 gate.test gate  # the gateway\n::1 localhost\n")
/// print(hosts.addresses(of: try DomainName("GATE"), family: .ipv4))    // [192.0.2.1]
/// print(hosts.addresses(of: try DomainName("gate")))                   // both families, in the file's order
/// ```
public struct HostsFile: Hashable, Sendable {
    /// Where the system has it.
    public static let systemPath = "/etc/hosts"

    private var table: [DomainName: [IPAddress]] = [:]

    /// Creates a table without names.
    public init() {}

    /// Reads a table.
    ///
    /// A line is an address and names, separated by blanks, up to a `#`. Lines and names that aren't such are skipped, as
    /// everywhere. An address with a zone counts if its interface exists. Several lines for a name add up.
    ///
    /// - Parameter octets: the contents of the file.
    /// - Complexity: O(octets).
    public init(contents octets: [UInt8]) {
        ConfigurationLines.forEach(octets, comment: [UInt8(ascii: "#")]) { words in
            guard let first = words.first, words.count > 1,
                let address = IPAddress(String(decoding: first, as: UTF8.self))
            else { return }
            for word in words.dropFirst() {
                guard let name = try? DomainName(String(decoding: word, as: UTF8.self)), !name.isRoot else { continue }
                if table[name]?.contains(address) != true { table[name, default: []].append(address) }
            }
        }
    }

    /// Reads a table from text.
    public init(contents text: String) {
        self.init(contents: Array(text.utf8))
    }

    /// Reads a file. One that is missing or unreadable makes an empty table. Blocks: not for the loop's thread.
    public static func load(path: String = systemPath) -> HostsFile {
        FileContents.read(path).map { HostsFile(contents: $0) } ?? HostsFile()
    }

    /// How many names the table has.
    public var count: Int { table.count }

    /// The addresses of a name, in the file's order; empty if the table doesn't have it.
    ///
    /// - Parameter family: only addresses of this family; nil for both.
    /// - Complexity: O(addresses of the name).
    public func addresses(of name: DomainName, family: AddressFamily? = nil) -> [IPAddress] {
        guard let addresses = table[name] else { return [] }
        guard let family else { return addresses }
        return addresses.filter { $0.family == family }
    }

    /// Whether the table has the name for any family.
    public func contains(_ name: DomainName) -> Bool {
        table[name] != nil
    }
}
