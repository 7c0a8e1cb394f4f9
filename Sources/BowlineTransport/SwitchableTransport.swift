// What transports can do for the toolkit's own use, beyond what every protocol may ask.

/// A transport that can look at what has arrived before the loop does.
package protocol PeekableTransport: Transport {
    /// Whether something has arrived that the protocol wasn't given: bytes, the peer's end, or an error. Costs a system call.
    var hasUnreadInput: Bool { get }
}

/// A transport whose protocol can be replaced while it stands: how TLS comes between the two, and how a connection passes
/// from whoever made its way to whom it is for.
package protocol SwitchableTransport: Transport {
    /// TLS, if it stands between this transport and whoever speaks.
    var secured: TLSConnection? { get }
    /// Gives the connection to `protocol`, which isn't told that it was made; `onEnd` is called once, after its
    /// `connectionLost`.
    ///
    /// - Returns: the protocol that had it, and who was to be told of the end; both are the caller's now.
    @discardableResult
    func takeOver(
        _ protocol: any Protocol, onEnd: ((ConnectionEnd) -> Void)?
    ) -> (protocol: (any Protocol)?, onEnd: ((ConnectionEnd) -> Void)?)
}
