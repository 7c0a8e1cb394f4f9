// The way back from the text of a record's data, for what is kept in files.

import BowlineTransport

extension RecordData {
    /// Reads what `description` wrote for a record of a type; nil for anything else. Strict: a file may be damaged.
    package init?(_ text: String, of type: RecordType) {
        switch type {
        case .a, .aaaa:
            guard let address = IPAddress(text), address.family == (type == .a ? .ipv4 : .ipv6) else { return nil }
            self = .address(address)
        case .cname, .ns, .ptr:
            guard let name = DomainName(described: text) else { return nil }
            self = .domain(name)
        case .soa:
            let words = text.split(separator: " ").map(String.init)
            let numbers = words.dropFirst(2).compactMap { UInt32($0) }
            guard words.count == 7, numbers.count == 5, let primary = DomainName(described: words[0]),
                let mailbox = DomainName(described: words[1])
            else { return nil }
            self = .soa(
                StartOfAuthority(
                    primary: primary, mailbox: mailbox, serial: numbers[0], refresh: numbers[1], retry: numbers[2],
                    expire: numbers[3], minimum: numbers[4]))
        default:
            guard text.utf8.allSatisfy({ (0x20..<0x7F).contains($0) }) else { return nil }
            self = .text(text)
        }
    }
}

extension DomainName {
    /// Reads what `description` wrote.
    package init?(described text: String) {
        if text == "." {
            self = .root
        } else if let name = try? DomainName(escaped: text) {
            self = name
        } else {
            return nil
        }
    }
}
