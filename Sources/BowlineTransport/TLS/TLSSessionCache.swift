// Sessions that a client may resume, by the server's name. Bounded: the least recently stored names go first.

import COpenSSL

struct TLSSessionCache: ~Copyable {
    private static let mostNames = 256
    /// A server sends two tickets, of which each serves once (RFC 8446, C.4).
    private static let mostPerName = 4

    private var sessions: [String: [OpaquePointer]] = [:]
    private var order: [String] = []

    deinit {
        for session in sessions.values.joined() { SSL_SESSION_free(session) }
    }

    /// Keeps a session, which becomes this cache's to free.
    mutating func put(_ session: OpaquePointer, for name: String) {
        if sessions[name] == nil {
            order.append(name)
            if order.count > Self.mostNames { remove(order.removeFirst()) }
        }
        sessions[name, default: []].append(session)
        if let count = sessions[name]?.count, count > Self.mostPerName, let oldest = sessions[name]?.removeFirst() {
            SSL_SESSION_free(oldest)
        }
    }

    /// Takes the newest session that is still good out; whoever gets it frees it.
    mutating func take(for name: String) -> OpaquePointer? {
        while let session = sessions[name]?.popLast() {
            if sessions[name]?.isEmpty == true {
                sessions[name] = nil
                order.removeAll { $0 == name }
            }
            if SSL_SESSION_is_resumable(session) == 1 {
                // What isn't a ticket of TLS 1.3 serves again.
                if SSL_SESSION_get_protocol_version(session) < TLS1_3_VERSION, SSL_SESSION_up_ref(session) == 1 {
                    put(session, for: name)
                }
                return session
            }
            SSL_SESSION_free(session)
        }
        return nil
    }

    private mutating func remove(_ name: String) {
        for session in sessions.removeValue(forKey: name) ?? [] { SSL_SESSION_free(session) }
    }
}
