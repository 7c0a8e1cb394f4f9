// The values of options that aren't plain text or numbers: each is checked where it is read, so that a wrong one is wrong
// usage and nothing has happened yet.

import ArgumentParser
import Bowline

/// A time in seconds, decimals allowed.
struct Seconds: ExpressibleByArgument {
    let duration: Duration

    /// A budget of more than thirty years is none.
    private static let longest = 1e9

    init(_ seconds: Int) {
        duration = .seconds(seconds)
    }

    init?(argument: String) {
        guard argument.utf8.allSatisfy({ (0x30...0x39).contains($0) || $0 == UInt8(ascii: ".") }),
            let seconds = Double(argument), seconds > 0
        else { return nil }
        duration = .nanoseconds(Int64(max(1, min(seconds, Self.longest) * 1e9)))
    }

    var defaultValueDescription: String { "\(duration.components.seconds)" }
}

/// A number that isn't negative.
struct Count: ExpressibleByArgument {
    let value: Int

    init(_ value: Int) { self.value = value }

    init?(argument: String) {
        guard argument.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let value = Int(argument) else { return nil }
        self.value = value
    }

    var defaultValueDescription: String { "\(value)" }
}

/// `ADDR[:PORT]`.
struct ServerArgument: ExpressibleByArgument {
    let address: SocketAddress

    init?(argument: String) {
        guard let address = ResolverConfiguration.server(argument) else { return nil }
        self.address = address
    }
}

/// `HOST:PORT:ADDR[,ADDR…]`, as curl has it.
struct PinArgument: ExpressibleByArgument {
    let pin: Pin

    init?(argument: String) {
        let parts = argument.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3, parts[0] == "*" || (try? DomainName(parts[0])) != nil,
            parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = UInt16(parts[1]), port > 0
        else { return nil }
        var addresses: [IPAddress] = []
        for text in parts[2].split(separator: ",", omittingEmptySubsequences: false) {
            let isBracketed = text.hasPrefix("[") && text.hasSuffix("]")
            guard let address = IPAddress(String(isBracketed ? text.dropFirst().dropLast() : text)) else { return nil }
            addresses.append(address)
        }
        pin = Pin(host: parts[0], port: port, addresses: addresses)
    }
}

/// `T[,T…]`: types of records that a name can have.
struct TypesArgument: ExpressibleByArgument {
    let types: [RecordType]

    init(_ types: [RecordType]) { self.types = types }

    init?(argument: String) {
        var types: [RecordType] = []
        for name in argument.split(separator: ",", omittingEmptySubsequences: false) {
            guard let type = RecordType(name: String(name)), Self.isData(type) else { return nil }
            if !types.contains(type) { types.append(type) }
        }
        self.types = types
    }

    /// Not what only questions and messages have, such as OPT, AXFR and ANY, and not what is reserved (RFC 6895, 3.1).
    private static func isData(_ type: RecordType) -> Bool {
        switch type.rawValue {
        case 0, 41, 128...255, 65_535: false
        default: true
        }
    }

    var defaultValueDescription: String { types.map(\.description).joined(separator: ",") }
}

/// `Name: value`; `Name:` for no such field, `Name;` for one without a value, as curl has it.
struct FieldArgument: ExpressibleByArgument {
    let name: String
    /// Nil for a field that isn't to be sent.
    let value: String?

    init?(argument: String) {
        guard let colon = argument.utf8.firstIndex(of: UInt8(ascii: ":")) else {
            guard argument.utf8.last == UInt8(ascii: ";") else { return nil }
            (name, value) = (String(argument.dropLast()), "")
            return
        }
        name = String(argument[..<colon])
        let rest = argument[argument.utf8.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
        value = rest.isEmpty ? nil : String(rest)
    }
}

/// `-4` or `-6`.
enum FamilyFlag: EnumerableFlag {
    case ipv4, ipv6

    static func name(for value: FamilyFlag) -> NameSpecification {
        switch value {
        case .ipv4: [.customShort("4"), .customLong("ipv4")]
        case .ipv6: [.customShort("6"), .customLong("ipv6")]
        }
    }

    static func help(for value: FamilyFlag) -> ArgumentHelp? {
        switch value {
        case .ipv4: "Ask for and connect over IPv4 only."
        case .ipv6: "Ask for and connect over IPv6 only."
        }
    }

    var family: AddressFamily {
        switch self {
        case .ipv4: .ipv4
        case .ipv6: .ipv6
        }
    }
}
