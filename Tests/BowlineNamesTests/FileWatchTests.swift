// What is watched for a file, and when it is read after a change.

import Bowline
import Glibc
import TestSupport
import Testing

@testable import BowlineNames

@Suite("The way to a file")
struct PathTrailTests {
    /// The steps inside a folder, as `folder/name`.
    private func steps(_ trail: PathTrail, in folder: String) -> [String] {
        trail.steps.filter { $0.folder.hasPrefix(folder) }.map {
            "\($0.folder.dropFirst(folder.count))/\($0.name)"
        }
    }

    /// A temporary folder's own path may go through links.
    private func physical(_ folder: TemporaryFolder) throws -> String {
        let path = try #require(realpath(folder.path, nil))
        defer { free(path) }
        return String(cString: path)
    }

    @Test("goes through each folder, from the root on")
    func plain() throws {
        let folder = try TemporaryFolder()
        try folder.write("a/b/file", text: "x")
        let root = try physical(folder)
        let trail = PathTrail(of: "\(root)/a/./b//../b/file")
        #expect(trail.steps.first?.folder == "/")
        #expect(steps(trail, in: root) == ["/a", "/a/b", "/a/b", "/a/b/file"])
        #expect(trail.file == "\(root)/a/b/file")
    }

    @Test("goes through the links of files and of folders, relative and absolute")
    func links() throws {
        let folder = try TemporaryFolder()
        let root = try physical(folder)
        try folder.write("version1/file", text: "x")
        symlink("version1", "\(root)/current")
        symlink("current/file", "\(root)/file")
        symlink("\(root)/file", "\(root)/absolute")
        let trail = PathTrail(of: "\(root)/absolute")
        let inside = steps(trail, in: root)
        #expect(Set(inside) == ["/absolute", "/file", "/current", "/version1", "/version1/file"])
        #expect(trail.file == "\(root)/version1/file")
    }

    @Test("ends at the first name that is missing, which may come")
    func missing() throws {
        let folder = try TemporaryFolder()
        let root = try physical(folder)
        let trail = PathTrail(of: "\(root)/none/file")
        #expect(steps(trail, in: root) == ["/none"])
        #expect(trail.file == nil)
    }

    @Test("ends where links go round, or a folder stands in the file's place")
    func odd() throws {
        let folder = try TemporaryFolder()
        let root = try physical(folder)
        symlink("b", "\(root)/a")
        symlink("a", "\(root)/b")
        #expect(PathTrail(of: "\(root)/a").file == nil)
        #expect(PathTrail(of: root).file == nil)
    }
}

@Suite("A file that is being changed")
struct ChangeDebounceTests {
    private func milliseconds(_ value: Int64) -> ReactorInstant {
        ReactorInstant(nanoseconds: 7_000_000_000) + .milliseconds(value)
    }

    @Test("is read 100 ms after its last change, and a second after the first at the latest")
    func quiet() {
        var debounce = ChangeDebounce()
        #expect(debounce.note(isWriting: false, at: milliseconds(0)) == milliseconds(100))
        #expect(debounce.note(isWriting: false, at: milliseconds(80)) == milliseconds(180))
        #expect(debounce.note(isWriting: false, at: milliseconds(950)) == milliseconds(1_000))
        #expect(debounce.note(isWriting: false, at: milliseconds(1_500)) == milliseconds(1_000))
        debounce.end()
        #expect(debounce.note(isWriting: false, at: milliseconds(2_000)) == milliseconds(2_100))
    }

    @Test("is not read while its writer has it open, but for a second")
    func writing() {
        var debounce = ChangeDebounce()
        #expect(debounce.note(isWriting: true, at: milliseconds(0)) == milliseconds(1_000))
        #expect(debounce.note(isWriting: true, at: milliseconds(300)) == milliseconds(1_000))
        #expect(debounce.note(isWriting: false, at: milliseconds(400)) == milliseconds(500))
    }

    @Test("is told by the kernel as it is: being written, complete, or another file")
    func events() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("watched", text: "first")
        let inotify = try Inotify()
        let watches = FileWatches([path], with: inotify, replacing: FileWatches())
        func changes() -> Set<FileWatches.Change> { Set(inotify.read().map(watches.change(by:))) }
        #expect(changes().isEmpty)

        try folder.write("other", text: "x")
        #expect(changes().subtracting([.none]).isEmpty)

        let file = try #require(fopen(path, "w"))
        fputs("half", file)
        fflush(file)
        #expect(changes() == [.writing])
        fclose(file)
        #expect(changes() == [.complete])

        rename("\(folder.path)/other", path)
        #expect(changes().contains(.complete))
    }

    @Test("is watched anew without what it no longer goes through")
    func rewatched() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("one/file", text: "x")
        let other = try folder.write("two/file", text: "x")
        let inotify = try Inotify()
        let first = FileWatches([path], with: inotify, replacing: FileWatches())
        let second = FileWatches([other], with: inotify, replacing: first)
        _ = inotify.read()
        try folder.write("one/file", text: "y")
        #expect(inotify.read().isEmpty)
        try folder.write("two/file", text: "y")
        #expect(inotify.read().map(second.change(by:)).contains(.complete))
    }
}
