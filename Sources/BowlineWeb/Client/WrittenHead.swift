// The head of the request that an agent is about to send, as bytes. Who polls sends the same head again and again, so it
// notes what the bytes were made of, and leaves them as they are for the next request that would make the same.

struct WrittenHead {
    private(set) var bytes: [UInt8] = []
    /// The number of the URL that `bytes` are the head of, if that is a plain request.
    private var plainURL: Int?
    private var acceptsCodings = false
    private var keepsConnection = false

    /// Writes a head in the place of the one before.
    ///
    /// - Throws: what can't be sent; then there is none.
    mutating func write(_ head: HTTPRequestHead) throws(HTTPRequestError) {
        plainURL = nil
        bytes.removeAll(keepingCapacity: true)
        try head.append(to: &bytes)
    }

    /// Has the head of a plain request: one by GET, without fields of the caller, cookies, a body or a proxy. So nothing
    /// decides what it says but what is passed here.
    ///
    /// - Parameter number: which URL it is, as `Agent.urlNumber` says: comparing URLs would cost copies of them.
    /// - Throws: what can't be sent; then there is none.
    mutating func writePlain(
        _ url: HTTPURL, number: Int, acceptsCodings: Bool, keepsConnection: Bool
    ) throws(HTTPRequestError) {
        if number == plainURL, acceptsCodings == self.acceptsCodings, keepsConnection == self.keepsConnection { return }
        try write(HTTPRequestHead(url: url, acceptsCodings: acceptsCodings, keepsConnection: keepsConnection))
        plainURL = number
        self.acceptsCodings = acceptsCodings
        self.keepsConnection = keepsConnection
    }

    /// The bytes for whoever can't send them at once. A true copy, no larger than they are: emptying an array that is shared
    /// makes another one, of all its capacity, and every fetch that waits for a connection would share it.
    var copy: [UInt8] { bytes.withUnsafeBufferPointer { Array($0) } }
}
