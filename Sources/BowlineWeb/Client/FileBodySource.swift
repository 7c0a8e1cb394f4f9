// A body that is a file. It is read on the reactor's thread pool, since a disk may block for as long as it likes.

import BowlineDeferred
public import BowlineReactor
import Glibc

extension RequestBodyStream {
    /// Sends a file, from its beginning, with the length that it has when the request is made. It is opened once now, to see
    /// whether it can be, and then when it is its turn to be sent.
    ///
    /// - Parameter reactor: whose threads read it.
    /// - Throws: the `SystemError` of open or fstat; EISDIR and ESPIPE for what isn't a regular file.
    public static func file(_ path: String, reactor: Reactor) throws -> RequestBodyStream {
        let length = try BodyFile(path).length
        return RequestBodyStream(length: length) { [unowned reactor] in
            FileBodySource(path, length: length, reactor)
        }
    }
}

/// An open file; closed with its last reference. Sendable: reading at a given place needs no state.
private final class BodyFile: Sendable {
    let descriptor: Int32
    let length: Int

    init(_ path: String) throws(SystemError) {
        // A pipe would block until somebody opens its other end.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw SystemError(errno, "open") }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            let code = errno
            close(descriptor)
            throw SystemError(code, "fstat")
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw SystemError(status.st_mode & S_IFMT == S_IFDIR ? EISDIR : ESPIPE, "open")
        }
        self.descriptor = descriptor
        length = Int(status.st_size)
    }

    deinit { close(descriptor) }

    /// Reads a piece; nil at the end.
    func read(_ most: Int, at offset: Int) throws(SystemError) -> [UInt8]? {
        var code: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: most) { buffer, count in
            var got = pread(descriptor, buffer.baseAddress, most, off_t(offset))
            while got < 0, errno == EINTR { got = pread(descriptor, buffer.baseAddress, most, off_t(offset)) }
            if got < 0 { code = errno }
            count = max(0, got)
        }
        if code != 0 { throw SystemError(code, "pread") }
        return bytes.isEmpty ? nil : bytes
    }
}

/// Reads a file for one request. It is open from the first piece to the last only: thousands of requests may wait for
/// connections, and each would hold a descriptor.
private final class FileBodySource: BodySource {
    /// A piece is worth the hop to another thread, and a few of them don't weigh.
    private static let pieceBytes = 256 * 1024

    private let path: String
    private let length: Int
    private unowned let reactor: Reactor
    private var file: BodyFile?
    private var offset = 0

    /// - Parameter length: what was promised.
    init(_ path: String, length: Int, _ reactor: Reactor) {
        self.path = path
        self.length = length
        self.reactor = reactor
    }

    func nextPiece() -> Deferred<[UInt8]?> {
        // No more than was promised, even if the file has grown.
        let most = min(Self.pieceBytes, length - offset)
        guard most > 0 else {
            file = nil
            return .succeeded(nil)
        }
        let (path, open, place) = (path, file, offset)
        return reactor.deferToThread {
            let file = try open ?? BodyFile(path)
            return (file: file, piece: try file.read(most, at: place))
        }.addCallback { [self] read in
            file = read.file
            offset += read.piece?.count ?? 0
            return read.piece
        }
    }
}

@available(*, unavailable)
extension FileBodySource: Sendable {}
