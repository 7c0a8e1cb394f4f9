// The status codes of c-ares, where they are no answer of a server.

import CAres

/// A status of c-ares that says what went wrong here: no memory, a bad server address.
struct AresError: Error, CustomStringConvertible {
    let status: CInt

    static func check(_ status: CInt) throws(AresError) {
        guard status == ARES_SUCCESS else { throw AresError(status: status) }
    }

    var description: String { "c-ares: \(String(cString: ares_strerror(status)))" }
}

extension ServerFailure {
    /// Reads a status of c-ares that came without a packet.
    init(status: CInt) {
        switch status {
        case ARES_ETIMEOUT: self = .timeout
        case ARES_ECONNREFUSED: self = .unreachable
        case ARES_EBADRESP: self = .malformed
        case ARES_ECANCELLED, ARES_EDESTRUCTION: self = .cancelled
        default: self = .local(status)
        }
    }
}
