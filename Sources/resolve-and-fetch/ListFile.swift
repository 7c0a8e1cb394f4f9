// A list of targets that is a file, a pipe or a terminal.

import Bowline
import Glibc

/// Says which list can't be read, and why.
struct ListError: Error, CustomStringConvertible {
    let path: String
    let error: SystemError

    init(_ path: String, _ error: SystemError) {
        self.path = path
        self.error = error
    }

    /// The list and what the system says of it.
    var description: String {
        TerminalText.escaped("\(path == "-" ? "stdin" : path): \(SystemError.text(of: error.code))")
    }
}

/// A list that is read piece by piece, without ever blocking the loop for a pipe or a terminal.
final class ListFile: ReactorDescriptor {
    let fileDescriptor: Int32
    private let path: String
    private let reactor: Reactor
    /// Whether a piece can be read without blocking: of a regular file always, of others once each time they say so.
    private var isReadable: Bool
    /// Whether it never has to be waited for.
    private(set) var isRegular: Bool
    private(set) var isAtEnd = false
    /// Called when a piece can be read that could not when it was asked for.
    var onReadable: () -> Void = {}

    /// - Parameter path: `-` is stdin.
    init(_ path: String, on reactor: Reactor) throws(ListError) {
        self.path = path
        self.reactor = reactor
        fileDescriptor = path == "-" ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC)
        guard fileDescriptor >= 0 else { throw ListError(path, SystemError(errno, "open")) }
        var status = stat()
        fstat(fileDescriptor, &status)
        let kind = status.st_mode & S_IFMT
        isRegular = kind == S_IFREG
        isReadable = isRegular
        guard kind != S_IFDIR else {
            Glibc.close(fileDescriptor)
            throw ListError(path, SystemError(EISDIR, "read"))
        }
    }

    func close() {
        guard !isAtEnd else { return }
        isAtEnd = true
        reactor.removeReader(self)
        Glibc.close(fileDescriptor)
    }

    /// Reads a piece, which is empty at the end; nil if there is nothing yet.
    func read(_ count: Int) throws(ListError) -> [UInt8]? {
        if !isReadable {
            do throws(SystemError) {
                try reactor.addReader(self)
                return nil
            } catch {
                // What can't be waited for needn't: /dev/null.
                guard error.code == EPERM else { throw ListError(path, error) }
                isRegular = true
            }
        }
        isReadable = isRegular
        var result = 0
        let piece = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            repeat {
                result = Glibc.read(fileDescriptor, buffer.baseAddress, buffer.count)
            } while result < 0 && errno == EINTR
            initialized = max(0, result)
        }
        guard result >= 0 else { throw ListError(path, SystemError(errno, "read")) }
        if result == 0 { close() }
        return piece
    }

    func readReady() {
        reactor.removeReader(self)
        isReadable = true
        onReadable()
    }

    func connectionLost(_ reason: any Error) {}
}
