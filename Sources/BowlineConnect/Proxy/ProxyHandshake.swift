// What the two ways to speak with a proxy have in common: bytes in, what to do out, no I/O.

import BowlineTransport

protocol ProxyHandshake {
    /// What is sent first.
    mutating func begin() -> [UInt8]

    /// Takes the next message of the proxy off the front of `input`, if it is there.
    mutating func next(_ input: inout ArraySlice<UInt8>) throws(ProxyError) -> ProxyStep
}

enum ProxyStep: Hashable {
    case waits
    case sends([UInt8])
    /// What is left of the input comes from the target.
    case done
}

/// Where the proxy is to connect.
struct ProxiedTarget: Hashable {
    enum Host: Hashable {
        case address(IPAddress)
        /// A name that was checked: ASCII, without blanks and control characters, 253 octets at most.
        case name(String)
    }

    let host: Host
    let port: UInt16
}
