// Targets one after the other, as they are asked for: what is named, and the lines of files and of stdin, which may be longer than
// memory, or still being written.

import ArgumentParser
import Bowline

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
    private(set) var problem: ListError?

    private enum Source {
        case target(String)
        case list(ListFile)
    }

    /// - Parameters:
    ///   - targets: as they are named; `-` for a list on stdin.
    ///   - list: the path of a further one.
    /// - Throws: if a list can't be opened.
    init(_ targets: [String], list: String?, on reactor: Reactor) throws(ListError) {
        for target in targets {
            sources.append(target == "-" ? .list(try ListFile("-", on: reactor)) : .target(target))
        }
        if let list { sources.append(.list(try ListFile(list, on: reactor))) }
        for case .list(let file) in sources { file.onReadable = { [unowned self] in onArrival() } }
    }

    /// Whether all targets are known beforehand.
    var isNamed: Bool { !sources.contains { if case .list = $0 { true } else { false } } }

    /// Whether a list was left before its end.
    private(set) var isCut = false
    private var hasReadOn = false

    /// The next that was not given out, after a run that was interrupted; nil if there is none. Of a list only what has been
    /// read: it may be longer than whoever interrupts wants to wait.
    func nextUnstarted() -> String? {
        while true {
            if let file, !file.isAtEnd {
                // One piece more, which says of a short list that it was all.
                if file.isRegular, !hasReadOn {
                    hasReadOn = true
                    guard read(file), !file.isAtEnd else { continue }
                }
                isCut = true
                file.close()
            }
            switch next() {
            case .job(let target): return target
            case .later: continue
            case .end: return nil
            }
        }
    }

    func next() -> Batch<String>.Next {
        while true {
            while file != nil, let line = lines.next() {
                if let target = Self.target(of: line) { return given(target) }
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

    /// The target of a line: nil for one that is blank or begins with #, else what is between the blanks around it.
    private static func target(of line: ArraySlice<UInt8>) -> String? {
        let start = line.drop(while: isBlank)
        guard let last = start.lastIndex(where: { !isBlank($0) }), start.first != UInt8(ascii: "#") else { return nil }
        return String(decoding: start[...last], as: UTF8.self)
    }

    private static func isBlank(_ octet: UInt8) -> Bool {
        octet == 0x20 || octet == 0x09 || octet == 0x0D
    }

    /// Reads a piece; false if that would block.
    private func read(_ file: ListFile) -> Bool {
        do throws(ListError) {
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

extension TargetStream {
    /// Opens what the arguments name; a list that can't be opened is wrong usage.
    static func open(_ targets: [String], list: String?, on reactor: Reactor) throws -> TargetStream {
        do throws(ListError) {
            return try TargetStream(targets, list: list, on: reactor)
        } catch {
            throw ValidationError("Can't read \(error).")
        }
    }

    /// The exit code of a run over all of them.
    ///
    /// - Parameters:
    ///   - failure: the first of a target's, if there was one.
    ///   - emptiness: what to say if there was no target.
    /// - Throws: wrong usage, if the lists were empty.
    func exitCode(_ failure: Failure?, _ signal: CInt?, ifEmpty emptiness: String) throws -> Int32 {
        if let problem {
            Console.warn("a list can't be read to its end: \(problem)")
            return 1
        }
        if isCut { Console.warn("interrupted: of a list, the rest was not read") }
        if count == 0, signal == nil { throw ValidationError("\(emptiness): the list is empty.") }
        return ExitCodes.code(failure, targets: count, signal: signal)
    }
}
