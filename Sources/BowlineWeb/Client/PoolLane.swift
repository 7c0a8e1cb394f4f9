// What the pool has for one place: its connections, and who waits for one. Bookkeeping only; decisions are the pool's.

import BowlineConnect
import BowlineDeferred
import BowlineTransport

/// What makes connections interchangeable.
struct PoolRoute: Hashable {
    var origin: HTTPURL.Origin
    var bindAddress: SocketAddress?
    var families: [AddressFamily]
    var tls: OutOfLine<TLSClientConfiguration>
    var addressPolicy: AddressPolicy
    var proxy: OutOfLine<Proxy>

    /// Asks the fetch, not its request, of which a copy would be made.
    init(_ url: HTTPURL, for fetch: PageFetch) {
        origin = url.origin
        bindAddress = fetch.request.connect.bindAddress
        families = fetch.request.connect.families
        tls = OutOfLine(url.scheme == .https ? fetch.request.tls : nil)
        addressPolicy = fetch.request.connect.addressPolicy
        proxy = OutOfLine(fetch.mayUseProxy ? fetch.request.proxy(for: url) : nil)
    }

    /// The rest hardly ever differs.
    func hash(into hasher: inout Hasher) { hasher.combine(origin) }
}

/// Who wants a connection.
protocol PoolClient: AnyObject {
    /// A connection is being made for it.
    func poolConnects(_ connector: Connector)
    /// It has a connection, which stands and is free, and must use it now.
    func poolGave(_ connection: ClientConnection)
    /// There is none, and why.
    func poolFailed(_ error: ConnectError)
    /// The reactor stopped while it waited.
    func poolStopped()
}

/// One wish for a connection.
final class PoolTicket {
    enum State {
        case waiting(number: Int)
        case connecting(PendingConnection)
        /// It has its connection, or has given up.
        case over
    }

    let client: any PoolClient
    let lane: PoolLane
    let options: ConnectOptions
    /// When it was asked for, among all: who came first is served first.
    let sequence: Int
    /// Whether a connection that has served before won't do.
    let mustBeFresh: Bool
    var state = State.over

    init(_ client: any PoolClient, _ lane: PoolLane, _ options: ConnectOptions, sequence: Int, mustBeFresh: Bool) {
        self.client = client
        self.lane = lane
        self.options = options
        self.sequence = sequence
        self.mustBeFresh = mustBeFresh
    }
}

final class PoolLane {
    let route: PoolRoute
    /// The last one to become idle is used first: so the others grow old, and are closed.
    @exclusivity(unchecked) var idle: [ClientConnection] = []
    /// Each knows its place; their order means nothing.
    @exclusivity(unchecked) var busy: [ClientConnection] = []
    @exclusivity(unchecked) var connecting: [PendingConnection] = []
    @exclusivity(unchecked) var waiting = WaitingLine<PoolTicket>()
    /// Whose turn it stands for in the line of those that have room, and wait for a place in the total.
    @exclusivity(unchecked) var sequenceInLine: Int?

    init(_ route: PoolRoute) { self.route = route }

    /// How many connections it has or makes.
    var count: Int { idle.count + busy.count + connecting.count }

    var isUnused: Bool { count == 0 && waiting.isEmpty }

    /// Whether what a fetch requests belongs here: asked without making its route, or copying the request.
    func takes(_ url: HTTPURL, for fetch: PageFetch) -> Bool {
        route.origin == url.origin && route.bindAddress == fetch.request.connect.bindAddress
            && route.families == fetch.request.connect.families
            && (url.scheme == .http || route.tls.value == fetch.request.tls)
            && route.addressPolicy == fetch.request.connect.addressPolicy
            && (fetch.mayUseProxy ? route.proxy.value == fetch.request.proxy(for: url) : route.proxy.isEmpty)
    }

    /// Takes a connection out of the idle ones.
    func removeIdle(_ connection: ClientConnection) {
        guard let place = idle.lastIndex(where: { $0 === connection }) else { return }
        idle.remove(at: place)
    }

    func addBusy(_ connection: ClientConnection) {
        connection.busyPlace = busy.count
        busy.append(connection)
    }

    /// Takes a connection out of the busy ones.
    func removeBusy(_ connection: ClientConnection) {
        let last = busy.removeLast()
        guard last !== connection else { return }
        busy[connection.busyPlace] = last
        last.busyPlace = connection.busyPlace
    }
}

@available(*, unavailable)
extension PoolLane: Sendable {}

@available(*, unavailable)
extension PoolTicket: Sendable {}
