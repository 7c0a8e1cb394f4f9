// The idle connections of all hosts, the one that has been idle for longest first: what expires next, and what makes room
// for a connection to another host. A list through the connections, so that each use costs a few words and no search.

struct IdleList {
    /// Where a connection stands.
    struct Place {
        var next: ClientConnection?
        /// Not owned, and yet never dangling: whoever stands before is in the list, which owns it.
        var previous: Unmanaged<ClientConnection>?
    }

    private(set) var first: ClientConnection?
    private var last: Unmanaged<ClientConnection>?

    mutating func append(_ connection: ClientConnection) {
        connection.idlePlace = Place(next: nil, previous: last)
        if let last {
            last._withUnsafeGuaranteedRef { $0.idlePlace.next = connection }
        } else {
            first = connection
        }
        last = Unmanaged.passUnretained(connection)
    }

    /// Takes out a connection that is in the list.
    mutating func remove(_ connection: ClientConnection) {
        let place = connection.idlePlace
        connection.idlePlace = Place()
        if let next = place.next {
            next.idlePlace.previous = place.previous
        } else {
            last = place.previous
        }
        if let previous = place.previous {
            previous._withUnsafeGuaranteedRef { $0.idlePlace.next = place.next }
        } else {
            first = place.next
        }
    }
}
