// What a connector does, as it does it: for logs and for commands that show their work.

public import BowlineNames
public import BowlineTransport

/// Says what a connector does.
///
/// ```swift
/// connector.observer = { event in
///     switch event {
///     case .answered(let answer): print(answer.type, answer.addresses)
///     case .attemptStarted(let attempt): print("trying", attempt.address)
///     case .attemptEnded(let attempt): print(attempt.address, attempt.outcome?.rawValue ?? "")
///     case .proxySecured(let tls): print("proxy:", tls.version)
///     case .secured(let tls): print(tls.version, tls.cipher)
///     }
/// }
/// ```
public enum ConnectorEvent: Sendable {
    /// A family's lookup has ended, with addresses or without.
    case answered(TypeAnswer)
    /// An attempt has begun.
    case attemptStarted(ConnectionAttempt)
    /// An attempt has ended, by itself or because another one won.
    case attemptEnded(ConnectionAttempt)
    /// The TLS handshake with the proxy is over.
    case proxySecured(TLSInfo)
    /// The TLS handshake with the target is over.
    case secured(TLSInfo)
}
