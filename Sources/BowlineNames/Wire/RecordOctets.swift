// The data of records as octets, for whoever writes messages: the fake server and the tests.

package import BowlineTransport

/// Makes the data of a record.
package enum RecordOctets {
    /// Of A and AAAA. The zone of an IPv6 address has no place on the wire.
    package static func address(_ address: IPAddress) -> [UInt8] {
        switch address {
        case .v4(let address): number32(address.bits)
        case .v6(let address):
            number32(UInt32(address.high >> 32)) + number32(UInt32(truncatingIfNeeded: address.high))
                + number32(UInt32(address.low >> 32)) + number32(UInt32(truncatingIfNeeded: address.low))
        }
    }

    /// Of SOA.
    package static func soa(_ soa: StartOfAuthority) -> [UInt8] {
        soa.primary.wireFormat + soa.mailbox.wireFormat + number32(soa.serial) + number32(soa.refresh)
            + number32(soa.retry) + number32(soa.expire) + number32(soa.minimum)
    }

    /// Of MX.
    package static func mx(preference: UInt16, exchange: DomainName) -> [UInt8] {
        number16(preference) + exchange.wireFormat
    }

    /// Of SRV.
    package static func srv(priority: UInt16, weight: UInt16, port: UInt16, target: DomainName) -> [UInt8] {
        number16(priority) + number16(weight) + number16(port) + target.wireFormat
    }

    /// Of TXT: each string of at most 255 octets, what exceeds them is cut.
    package static func txt(_ strings: [String]) -> [UInt8] {
        strings.flatMap { string in
            let octets = string.utf8.prefix(255)
            return [UInt8(octets.count)] + octets
        }
    }

    /// Of CAA.
    package static func caa(flags: UInt8, tag: String, value: String) -> [UInt8] {
        [flags, UInt8(truncatingIfNeeded: tag.utf8.count)] + Array(tag.utf8) + Array(value.utf8)
    }

    /// Of SVCB and HTTPS, with the parameters in the order given.
    package static func serviceBinding(
        priority: UInt16, target: DomainName, parameters: [(key: UInt16, value: [UInt8])] = []
    ) -> [UInt8] {
        number16(priority) + target.wireFormat
            + parameters.flatMap { number16($0.key) + number16(UInt16(truncatingIfNeeded: $0.value.count)) + $0.value }
    }

    /// Two octets in network order.
    package static func number16(_ number: UInt16) -> [UInt8] {
        [UInt8(number >> 8), UInt8(truncatingIfNeeded: number)]
    }

    /// Four octets in network order.
    package static func number32(_ number: UInt32) -> [UInt8] {
        number16(UInt16(number >> 16)) + number16(UInt16(truncatingIfNeeded: number))
    }
}
