// A transport whose protocol can be replaced while it stands: how TLS comes between the two.

/// A transport that can be given another protocol.
package protocol SwitchableTransport: Transport {
    /// Gives the connection to `protocol`, which isn't told that it was made.
    ///
    /// - Returns: the protocol that had it, and who was to be told of the end; both are the caller's now.
    func takeOver(_ protocol: any Protocol) -> (protocol: (any Protocol)?, onEnd: ((ConnectionEnd) -> Void)?)
}
