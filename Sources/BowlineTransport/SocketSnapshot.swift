// A row of what a reactor has open. Made when somebody looks, from what the table of descriptors has and the system tells:
// no connection pays for it otherwise.

public import BowlineReactor
import CLinux
import Glibc

/// A socket of a reactor, at one instant.
///
/// ```swift
/// for socket in reactor.sockets() {
///     print(socket.kind, socket.local, socket.peer.map { "\($0)" } ?? "-", socket.user, socket.buffered)
/// }
/// ```
public struct SocketSnapshot: Hashable, Sendable {
    /// What a socket is doing. The raw value is the word that commands print.
    public enum Kind: String, Hashable, Sendable, CaseIterable {
        /// It accepts connections.
        case listening
        /// It is being connected.
        case connecting
        /// Its connection stands.
        case connected
        /// What was written is sent before the connection is closed.
        case closing
        /// It sends and receives datagrams.
        case datagrams
    }

    /// The descriptor.
    public var descriptor: Int32
    /// What it is doing.
    public var kind: Kind
    /// This end.
    public var local: SocketAddress
    /// The other end, if there is one.
    public var peer: SocketAddress?
    /// Whose it is: the type of the protocol, the factory or the object that uses it.
    public var user: String
    /// How many bytes are written and not yet taken by the system.
    public var buffered = 0
    /// Whether reading is paused.
    public var isReadingPaused = false

    /// Creates a row; the rest is filled in by whoever knows it.
    public init(descriptor: Int32, kind: Kind, local: SocketAddress, peer: SocketAddress?, user: String) {
        self.descriptor = descriptor
        self.kind = kind
        self.local = local
        self.peer = peer
        self.user = user
    }

    /// What the system tells of a socket; nil for a descriptor that is none.
    init?(system descriptor: Int32, user: String) {
        guard let type = SocketCalls.option(descriptor, SOL_SOCKET, SO_TYPE) else { return nil }
        let peer = SocketCalls.peerAddress(descriptor)
        let kind: Kind =
            if type == Int32(SOCK_DGRAM.rawValue) {
                .datagrams
            } else if SocketCalls.option(descriptor, SOL_SOCKET, SO_ACCEPTCONN) == 1 {
                .listening
            } else {
                peer == nil ? .connecting : .connected
            }
        self.init(
            descriptor: descriptor, kind: kind, local: SocketCalls.localAddress(descriptor) ?? .unspecified, peer: peer,
            user: user)
    }
}

/// A handler of the table that knows more of its socket than the system does.
package protocol SocketOwner: DescriptorHandler {
    /// Adds what it knows.
    func complete(_ snapshot: inout SocketSnapshot)
}

extension Reactor {
    /// The sockets that are registered with the loop, by descriptor.
    ///
    /// - Parameter limit: at most so many; the system is asked about each.
    /// - Complexity: O(descriptors).
    public func sockets(limit: Int = .max) -> [SocketSnapshot] {
        var snapshots: [SocketSnapshot] = []
        for (descriptor, handler) in registrations {
            guard snapshots.count < limit else { break }
            let user = String(describing: type(of: handler))
            guard var snapshot = SocketSnapshot(system: descriptor, user: user) else { continue }
            (handler as? any SocketOwner)?.complete(&snapshot)
            snapshots.append(snapshot)
        }
        return snapshots
    }
}

extension StreamConnection: SocketOwner {
    package func complete(_ snapshot: inout SocketSnapshot) {
        if !isConnected { snapshot.kind = .closing }
        if let `protocol` { snapshot.user = String(describing: type(of: `protocol`)) }
        // What the system forgets with the peer's end, the connection remembers.
        snapshot.peer = peer
        snapshot.buffered = bufferedByteCount
        snapshot.isReadingPaused = isReadPaused
    }
}
