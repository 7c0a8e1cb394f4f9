// Reading and writing bytes by descriptor. Blocks: the command writes when there is something to say.

import Bowline
import Glibc

enum Files {
    /// Writes all of the bytes.
    ///
    /// - Throws: the `SystemError` of write(2): EPIPE when the reader has gone, ENOSPC on a full disk.
    static func write(_ bytes: [UInt8], to descriptor: CInt) throws(SystemError) {
        var position = 0
        while position < bytes.count {
            let written = bytes.withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress.map { $0 + position }, bytes.count - position)
            }
            if written >= 0 {
                position += written
            } else if errno == EAGAIN {
                // Whoever shares the descriptor has made it non-blocking.
                var polled = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                poll(&polled, 1, -1)
            } else if errno != EINTR {
                throw SystemError(errno, "write")
            }
        }
    }

    /// Reads a whole file.
    static func read(_ path: String) throws(SystemError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw SystemError(errno, "open") }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        while true {
            var result = 0
            let piece = [UInt8](unsafeUninitializedCapacity: 65_536) { buffer, count in
                result = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
                count = max(0, result)
            }
            if result == 0 { return bytes }
            if result < 0, errno != EINTR { throw SystemError(errno, "read") }
            bytes += piece
        }
    }
}
