// Speaks with a proxy until it has connected, and then hands the connection over. It knows no time: the connector's
// timeout covers it.

import BowlineTransport

final class ProxyTunnel: HalfCloseableProtocol {
    var transport: (any Transport)?
    private var handshake: any ProxyHandshake
    /// Called once, from the loop, unless this is abandoned; with what has come from the target already.
    private var onOutcome: ((Result<[UInt8], ProxyError>) -> Void)?
    private var input: [UInt8] = []
    /// Whether it ended because its reactor stops.
    private(set) var isReactorStopped = false

    init(_ proxy: Proxy, to target: ProxiedTarget, onOutcome: @escaping (Result<[UInt8], ProxyError>) -> Void) {
        handshake =
            switch proxy.kind {
            case .http, .https: HTTPConnectHandshake(target, proxy.credentials)
            case .socks5: SOCKS5Handshake(target, proxy.credentials)
            }
        self.onOutcome = onOutcome
    }

    func connectionMade() {
        transport?.write(handshake.begin())
    }

    func dataReceived(_ bytes: RawSpan) {
        guard onOutcome != nil else { return }
        bytes.withUnsafeBytes { input.append(contentsOf: $0) }
        var rest = input[...]
        do throws(ProxyError) {
            while true {
                switch try handshake.next(&rest) {
                case .waits:
                    input = Array(rest)
                    return
                case .sends(let bytes): transport?.write(bytes)
                case .done:
                    take()?(.success(Array(rest)))
                    return
                }
            }
        } catch {
            take()?(.failure(error))
        }
    }

    func readConnectionLost() { fail() }
    func writeConnectionLost() {}

    func connectionLost(_ reason: ConnectionEnd) {
        isReactorStopped = reason == .stopped
        fail()
    }

    private func fail() {
        take()?(.failure(ProxyError(.closed, "the proxy closed the connection without an answer")))
    }

    /// Gives the connection up; nobody is told.
    func abandon() {
        onOutcome = nil
        transport?.abortConnection()
    }

    private func take() -> ((Result<[UInt8], ProxyError>) -> Void)? {
        defer { onOutcome = nil }
        return onOutcome
    }
}
