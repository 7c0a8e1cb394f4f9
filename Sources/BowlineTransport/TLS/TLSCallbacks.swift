// What OpenSSL calls back, from inside its own functions: to move bytes, to judge a certificate, to choose what is spoken,
// to keep a session. None of it calls a user.
//
// OpenSSL carries the address of the connection. It is not retained: the connection calls OpenSSL, and so stands while
// OpenSSL calls back.

import COpenSSL

private func connection(of bio: OpaquePointer?) -> TLSConnection? {
    BIO_get_data(bio).map { Unmanaged<TLSConnection>.fromOpaque($0).takeUnretainedValue() }
}

private func connection(ofSSL ssl: OpaquePointer?) -> TLSConnection? {
    SSL_get_ex_data(ssl, 0).map { Unmanaged<TLSConnection>.fromOpaque($0).takeUnretainedValue() }
}

/// Gives OpenSSL what has arrived, straight from the buffer in which it is lent.
func tlsRead(_ bio: OpaquePointer?, _ buffer: UnsafeMutablePointer<CChar>?, _ room: CInt) -> CInt {
    bowline_BIO_want_nothing(bio)
    guard let connection = connection(of: bio), let buffer, room > 0 else { return -1 }
    let count = connection.takeIncoming(UnsafeMutableRawBufferPointer(start: buffer, count: Int(room)))
    if count == 0 {
        bowline_BIO_want_read(bio)
        return -1
    }
    return CInt(count)
}

/// Writes a record to the transport below, which takes all and sends it at the end of the turn.
func tlsWrite(_ bio: OpaquePointer?, _ bytes: UnsafePointer<CChar>?, _ count: CInt) -> CInt {
    bowline_BIO_want_nothing(bio)
    guard let connection = connection(of: bio), let bytes, count > 0 else { return 0 }
    connection.writtenBytes += Int(count)
    connection.transport?.write(UnsafeRawBufferPointer(start: bytes, count: Int(count)).bytes)
    return count
}

func tlsControl(
    _ bio: OpaquePointer?, _ command: CInt, _ number: CLong, _ argument: UnsafeMutableRawPointer?
) -> CLong {
    command == BIO_CTRL_FLUSH ? 1 : 0
}

/// Notes what is wrong with a certificate while OpenSSL still has it.
func tlsVerify(_ isWell: CInt, _ store: OpaquePointer?) -> CInt {
    guard isWell == 0, let store,
        let ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()),
        let connection = connection(ofSSL: OpaquePointer(ssl))
    else { return isWell }
    if connection.problem == nil { connection.problem = TLSError(verifying: store, name: connection.name) }
    return 0
}

/// Keeps a session that the server offers.
func tlsKeepSession(_ ssl: OpaquePointer?, _ session: OpaquePointer?) -> CInt {
    guard let connection = connection(ofSSL: ssl), let name = connection.name, let session else { return 0 }
    connection.context.sessions.put(session, for: name)
    return 1
}

/// Chooses the first of the server's application protocols that the client offers.
func tlsSelectProtocol(
    _ ssl: OpaquePointer?, _ chosen: UnsafeMutablePointer<UnsafePointer<UInt8>?>?,
    _ chosenLength: UnsafeMutablePointer<UInt8>?, _ offered: UnsafePointer<UInt8>?, _ offeredLength: UInt32,
    _ context: UnsafeMutableRawPointer?
) -> CInt {
    guard let context, let offered, let chosen, let chosenLength else { return SSL_TLSEXT_ERR_NOACK }
    let ours = Unmanaged<TLSContext>.fromOpaque(context).takeUnretainedValue().applicationProtocols
    // Both are lists of names behind their lengths; OpenSSL has checked the client's.
    func next(_ list: UnsafeBufferPointer<UInt8>, _ position: inout Int) -> UnsafeBufferPointer<UInt8>? {
        guard position < list.count else { return nil }
        let end = min(position + 1 + Int(list[position]), list.count)
        defer { position = end }
        return UnsafeBufferPointer(rebasing: list[(position + 1)..<end])
    }
    return ours.withUnsafeBufferPointer { ours in
        var wanted = 0
        while let name = next(ours, &wanted) {
            var position = 0
            while let candidate = next(UnsafeBufferPointer(start: offered, count: Int(offeredLength)), &position) {
                guard candidate.elementsEqual(name) else { continue }
                chosen.pointee = candidate.baseAddress
                chosenLength.pointee = UInt8(clamping: candidate.count)
                return SSL_TLSEXT_ERR_OK
            }
        }
        return SSL_TLSEXT_ERR_ALERT_FATAL
    }
}
