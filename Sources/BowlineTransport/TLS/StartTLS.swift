// TLS on a connection that has begun without it, as in SMTP, IMAP and behind a proxy's CONNECT.

public import BowlineDeferred

/// A protocol that holds bytes back which have arrived: told when TLS begins, so that none of them is taken for what came
/// under its protection. What an attacker sends behind STARTTLS would otherwise be obeyed as if the peer had sent it
/// (CVE-2011-0411 and its kin).
package protocol EarlyByteHolder: AnyObject {
    /// TLS begins: bytes that are held, or left of those being delivered, are to be refused by `refuse`.
    func securingBegan(_ refuse: @escaping (Int) -> Void)
}

extension Transport {
    /// Starts TLS on this connection, for the protocol that speaks on it: its `transport` is replaced, what it writes from
    /// now on goes out encrypted once the handshake is done, and what arrives was decrypted.
    ///
    /// Bytes that have arrived behind the protocol's own request for TLS end the connection: nobody may send before the
    /// handshake. The line and string receivers see to that; a protocol that cuts its input itself must do so too.
    /// ```swift
    /// final class Mail: LineReceiver {
    ///     private let context: TLSContext
    ///     init(_ context: TLSContext) {
    ///         self.context = context
    ///         super.init()
    ///     }
    ///     override func connectionMade() { sendLine("STARTTLS") }
    ///     override func lineReceived(_ line: RawSpan) {
    ///         transport?.startTLS(context, serverName: "mail.example.com")
    ///             .addCallback { tls in print(tls.version) }
    ///             .addErrback { error in print(error) }
    ///     }
    /// }
    /// ```
    /// - Parameters:
    ///   - context: a client's, or a server's: that decides which side this is.
    ///   - serverName: what the server's certificate must be for. A client gives it, a server doesn't.
    /// - Returns: fires when the handshake is over; fails with a `TLSError`. The protocol's `connectionLost` tells the same.
    public func startTLS(_ context: TLSContext, serverName: String? = nil) -> Deferred<TLSInfo> {
        // fatalError, since a precondition's message is lost in release builds.
        if context.isServer != (serverName == nil) {
            fatalError("startTLS takes a server's name on the client's side, and only there")
        }
        let deferred = Deferred<TLSInfo>()
        guard let switchable = self as? any SwitchableTransport, isConnected else {
            deferred.errback(
                TLSError(.closed, "TLS can't be started on a connection that is closed or of a foreign kind"))
            return deferred
        }
        let connection = TLSConnection(context, name: serverName) { result in
            switch result {
            case .success(let info): deferred.callback(info)
            case .failure(let error): deferred.errback(error)
            }
            return nil
        }
        let (speaker, onEnd) = switchable.takeOver(connection, onEnd: nil)
        connection.upper = speaker
        connection.onEnd = onEnd
        speaker?.transport = connection
        resumeReading()
        connection.makeConnection(self)
        connection.limitHandshake(to: context.handshakeTimeout)
        (speaker as? any EarlyByteHolder)?.securingBegan { [weak connection] count in
            connection?.fail(
                TLSError(.earlyBytes, "\(count) bytes came before the TLS handshake, and are refused"))
        }
        return deferred
    }
}
