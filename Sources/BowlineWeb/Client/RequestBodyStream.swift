// A request's body that comes in pieces: from a file, or from whoever makes it. A value in a PageRequest says how to make
// the source; the fetch makes one for each time that the body is sent, and asks it for pieces no faster than they leave.

public import BowlineDeferred
import BowlineReactor

/// Gives the pieces of a body, one when it is asked.
///
/// ```swift
/// /// Counts down.
/// final class Countdown: BodySource {
///     private var left = 3
///     func nextPiece() -> Deferred<[UInt8]?> {
///         guard left > 0 else { return .succeeded(nil) }
///         left -= 1
///         return .succeeded(Array("\(left)\n".utf8))
///     }
/// }
/// var request = PageRequest("http://example.com/numbers")
/// request.method = "PUT"
/// request.stream = RequestBodyStream { Countdown() }
/// reactor.fetch(request).addCallback { page in print(page.status) }
/// ```
public protocol BodySource: AnyObject {
    /// Gives the next piece, or nil at the end. Asked again only when the piece before has left; cancelled if nobody
    /// wants it any more. A failure fails the fetch.
    func nextPiece() -> Deferred<[UInt8]?>
}

/// Says how a request's body is made, piece by piece.
///
/// ```swift
/// var request = PageRequest("http://example.com/backup")
/// request.method = "PUT"
/// request.stream = try .file("/var/backups/today.tar", reactor: reactor)
/// request.expectsContinue = true                  // a server that refuses it isn't sent the file
/// ```
public struct RequestBodyStream {
    /// The length in bytes. Without one the body goes out in chunks (RFC 9112, 7.1), which servers of HTTP/1.0 don't
    /// understand.
    public let length: Int?
    /// Whether a second source gives the same body: what a redirect or a retry needs.
    public let isReplayable: Bool
    let makeSource: () throws -> any BodySource

    /// Creates a body.
    ///
    /// - Parameters:
    ///   - length: how many bytes it will have; a source that gives more or fewer fails the fetch.
    ///   - isReplayable: false if there is only one source: then a redirect that keeps the method fails.
    ///   - makeSource: called each time when the body is to be sent.
    public init(length: Int? = nil, isReplayable: Bool = true, _ makeSource: @escaping () throws -> any BodySource) {
        self.length = length
        self.isReplayable = isReplayable
        self.makeSource = makeSource
    }
}
