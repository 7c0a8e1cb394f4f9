// Targets one after the other, as they are asked for: what is named, and the lines of files and of stdin, which may be longer than
// memory, or still being written.

import Bowline
import Glibc

final class TargetStream {
    private static let pieceSize = 65_536

    private var sources: ArraySlice<Source> = []
    private var file: ListFile?
    private var lines = LineSplitter()
    /// To be called when there is more after a `later`.
    var onArrival: () -> Void = {}
    /// How many were given out.
    private(set) var count = 0
    /// What kept a list from being read to its end.
    private(set) var problem: SystemError?

    private enum Source {
        case target(String)
        case list(ListFile)
    }

    /// - Parameters:
    ///   - targets: as they are named; `-` for a list on stdin.
    ///   - list: the path of a further one.
    /// - Throws: if a list can't be opened.
    init(_ targets: [String], list: String?, on reactor: Reactor) throws(SystemError) {
        for target in targets {
            sources.append(target == "-" ? .list(try ListFile("-", on: reactor)) : .target(target))
        }
        if let list { sources.append(.list(try ListFile(list, on: reactor))) }
        for case .list(let file) in sources { file.onReadable = { [unowned self] in onArrival() } }
    }

    /// Whether all targets are known beforehand.
    var isNamed: Bool { !sources.contains { if case .list = $0 { true } else { false } } }

    /// What was named and not given out yet.
    var remainder: [String] {
        sources.compactMap { if case .target(let target) = $0 { target } else { nil } }
    }

    func next() -> Batch<String>.Next {
        while true {
            while file != nil, let line = lines.next() {
                if let target = TargetList.target(of: line) { return given(target) }
            }
            if let file, !file.isAtEnd {
                guard read(file) else { return .later }
                continue
            }
            file = nil
            switch sources.popFirst() {
            case .target(let target)?: return given(target)
            case .list(let next)?: (file, lines) = (next, LineSplitter())
            case nil: return .end
            }
        }
    }

    private func given(_ target: String) -> Batch<String>.Next {
        count += 1
        return .job(target)
    }

    /// Reads a piece; false if that would block.
    private func read(_ file: ListFile) -> Bool {
        do throws(SystemError) {
            guard let piece = try file.read(Self.pieceSize) else { return false }
            lines.append(piece)
        } catch {
            problem = error
            file.close()
        }
        if file.isAtEnd { lines.end() }
        return true
    }
}

/// A list that is read piece by piece, without ever blocking the loop for a pipe or a terminal.
final class ListFile: ReactorDescriptor {
    let fileDescriptor: Int32
    private let reactor: Reactor
    /// Whether a piece can be read without blocking: of a regular file always, of others once each time they say so.
    private var isReadable: Bool
    private var isRegular: Bool
    private(set) var isAtEnd = false
    /// Called when a piece can be read that could not when it was asked for.
    var onReadable: () -> Void = {}

    /// - Parameter path: `-` is stdin.
    init(_ path: String, on reactor: Reactor) throws(SystemError) {
        self.reactor = reactor
        fileDescriptor = path == "-" ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC)
        guard fileDescriptor >= 0 else { throw SystemError(errno, "open") }
        var status = stat()
        fstat(fileDescriptor, &status)
        let kind = status.st_mode & S_IFMT
        isRegular = kind == S_IFREG
        isReadable = isRegular
        guard kind != S_IFDIR else {
            Glibc.close(fileDescriptor)
            throw SystemError(EISDIR, "read")
        }
    }

    func close() {
        guard !isAtEnd else { return }
        isAtEnd = true
        reactor.removeReader(self)
        Glibc.close(fileDescriptor)
    }

    /// Reads a piece, which is empty at the end; nil if there is nothing yet.
    func read(_ count: Int) throws(SystemError) -> [UInt8]? {
        if !isReadable {
            do throws(SystemError) {
                try reactor.addReader(self)
                return nil
            } catch {
                // What can't be waited for needn't: /dev/null.
                guard error.code == EPERM else { throw error }
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
        guard result >= 0 else { throw SystemError(errno, "read") }
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
