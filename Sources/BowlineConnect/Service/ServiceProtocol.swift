// Stands between a connection and the protocol that the service's user wrote, to hear of its end. It is what that protocol is:
// one that knows half-close if that does.

import BowlineTransport

class ServiceProtocol: Protocol, EarlyByteHolder {
    let speaker: any Protocol
    /// Called once, after the speaker's `connectionLost`.
    var onLost: ((ConnectionEnd) -> Void)?

    fileprivate init(_ speaker: any Protocol) { self.speaker = speaker }

    /// The speaker's: TLS that begins on the connection replaces it there.
    var transport: (any Transport)? {
        get { speaker.transport }
        set { speaker.transport = newValue }
    }

    func makeConnection(_ transport: any Transport) { speaker.makeConnection(transport) }
    func dataReceived(_ bytes: RawSpan) { speaker.dataReceived(bytes) }

    func connectionLost(_ reason: ConnectionEnd) {
        speaker.connectionLost(reason)
        let onLost = self.onLost
        self.onLost = nil
        onLost?(reason)
    }

    func securingBegan(_ refuse: @escaping (Int) -> Void) {
        (speaker as? any EarlyByteHolder)?.securingBegan(refuse)
    }
}

private final class HalfCloseableServiceProtocol: ServiceProtocol, HalfCloseableProtocol {
    private let halfCloseable: any HalfCloseableProtocol

    init(_ speaker: any HalfCloseableProtocol) {
        halfCloseable = speaker
        super.init(speaker)
    }

    func readConnectionLost() { halfCloseable.readConnectionLost() }
    func writeConnectionLost() { halfCloseable.writeConnectionLost() }
}

/// Makes the protocols of a service's connections from those that its user's factory makes.
final class ServiceFactory: Factory {
    private let factory: Factory

    init(_ factory: Factory) {
        self.factory = factory
        super.init()
    }

    override func startFactory() { factory.begin() }
    override func stopFactory() { factory.end() }

    override func buildProtocol(_ address: SocketAddress) -> (any Protocol)? {
        guard let speaker = factory.buildProtocol(address) else { return nil }
        if let halfCloseable = speaker as? any HalfCloseableProtocol {
            return HalfCloseableServiceProtocol(halfCloseable)
        }
        return ServiceProtocol(speaker)
    }
}
