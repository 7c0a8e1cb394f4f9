// What a connector needs of the world. A reactor has one, which all its connectors share; a test makes its own of a
// manual clock, a scripted resolver and a scripted dialer.

package import BowlineNames
package import BowlineReactor
package import BowlineTransport

package protocol ConnectEnvironment: AnyObject {
    var clock: any ReactorClock { get }
    var resolver: any Resolver { get }
    var dialer: any Dialer { get }

    /// The address that would be sent from, for the order of destinations (RFC 6724); nil if there is no way there.
    func sourceAddress(toward destination: IPAddress) -> IPAddress?

    /// The context of a TLS configuration, made once.
    func tlsContext(for configuration: TLSClientConfiguration) throws(TLSError) -> TLSContext

    /// There was no way there just now, whatever `sourceAddress` said.
    func noteUnreachable(_ destination: IPAddress)

    /// Queues something for the delivery phase, and keeps it until then.
    func deliverLater(_ work: any TurnDelivery)

    /// Notes a connector that has begun to connect: it is told when the reactor stops, until it is forgotten.
    func remember(_ connector: Connector)
    func forget(_ connector: Connector)
}
