import Bowline
import BowlineTesting
import Glibc
import TestSupport
import Testing

@Suite("The file of -o", .timeLimit(.minutes(10)))
struct OutputFileTests {
    private let servers: Servers
    private let folder: TemporaryFolder

    init() throws {
        servers = try Servers()
        folder = try TemporaryFolder()
    }

    private func fetch(_ path: String, to file: String, _ options: String...) throws -> Subprocess.Output {
        try command(servers.names + options + ["-o", "\(folder.path)/\(file)", servers.url(path)])
    }

    private func files() throws -> [Substring] {
        try Subprocess.run("ls", ["-A", folder.path]).stdout.split(separator: "\n")
    }

    private func status(_ file: String) -> stat {
        var status = stat()
        lstat("\(folder.path)/\(file)", &status)
        return status
    }

    @Test("stands there when all of it has come, and nothing beside it")
    func whole() throws {
        #expect(try fetch("/chunked", to: "page").exitCode == 0)
        #expect(folder.read("page") == "hello, world")
        #expect(try files() == ["page"])
    }

    @Test("stays what it was if the body doesn't come whole", arguments: ["/short", "/reset", "/garbage", "/stall"])
    func unfinished(path: String) throws {
        #expect(try fetch(path, to: "new", "-m", "1").exitCode != 0)
        #expect(try files() == [])
        try folder.write("old", text: "what was there")
        #expect(try fetch(path, to: "old", "-m", "1").exitCode != 0)
        #expect(folder.read("old") == "what was there")
        #expect(try files() == ["old"])
    }

    @Test("stays what it was if the command is interrupted")
    func interrupted() throws {
        let servers = try Servers(web: { _ in
            .cut(after: 5_000, .respond(.init(String(repeating: "x", count: 10_000))), then: .stall)
        })
        try folder.write("old", text: "what was there")
        let output = try command(
            servers.names + ["-v", "-o", "\(folder.path)/old", servers.url()],
            interruption: .init(signal: SIGINT, whenWritten: "200 OK"))
        #expect(output.exitCode == 130)
        #expect(folder.read("old") == "what was there")
        #expect(try files() == ["old"])
    }

    @Test("has the page of an error, too, and is empty if the page is")
    func statuses() throws {
        #expect(try fetch("/missing", to: "page").exitCode == 22)
        #expect(folder.read("page") == "no such page")
        let servers = try Servers(web: { _ in .respond(.init(status: 204)) })
        _ = try command(servers.names + ["-o", "\(folder.path)/page", servers.url()])
        #expect(folder.read("page") == "")
        #expect(try files() == ["page"])
    }

    @Test("that is replaced keeps its permissions")
    func permissions() throws {
        try folder.write("page", text: "what was there")
        chmod("\(folder.path)/page", 0o640)
        #expect(try fetch("/", to: "page").exitCode == 0)
        #expect(folder.read("page") == "hello, world")
        #expect(status("page").st_mode & 0o7777 == 0o640)
    }

    @Test("is written where it is if it has other names, too")
    func links() throws {
        try folder.write("page", text: "what was there, and longer")
        symlink("page", "\(folder.path)/symbolic")
        #expect(try fetch("/", to: "symbolic").exitCode == 0)
        #expect(folder.read("page") == "hello, world")
        #expect(status("symbolic").st_mode & S_IFMT == S_IFLNK)

        link("\(folder.path)/page", "\(folder.path)/other")
        #expect(try fetch("/missing", to: "other").exitCode == 22)
        #expect(folder.read("page") == "no such page")
        #expect(status("page").st_nlink == 2)
    }

    @Test("may be a pipe, whose reader may come later and take its time")
    func pipe() throws {
        let body = String(repeating: "0123456789abcdef", count: 20_000)
        let servers = try Servers(web: { _ in .respond(.init(body)) })
        let program = try TestedCommand.path()
        let line = """
            mkfifo pipe
            \(program) --no-cache \(servers.names.joined(separator: " ")) -o pipe \(servers.url()) >report &
            command=$!
            sleep 0.2
            { head -c 100000; sleep 0.2; cat; } <pipe >page
            wait $command
            """
        let output = try Subprocess.run("bash", ["-c", line], directory: folder.path)
        #expect(output.exitCode == 0, "\(output.stderr)")
        let isWhole = folder.read("page") == body
        #expect(isWhole)
        #expect(folder.read("report").hasPrefix("✓"))
        #expect(status("pipe").st_mode & S_IFMT == S_IFIFO)
    }

    // A body that all has come, and more than a pipe and what is kept of a body hold.
    @Test(
        "may be a pipe that nobody reads, and then ends with the deadline or a signal", arguments: [28, 130] as [CInt],
        [200_000, 8 << 20])
    func unread(exit: CInt, size: Int) throws {
        let servers = try Servers(web: { _ in .respond(.init(String(repeating: "x", count: size))) })
        for reader in ["", "sleep 60 <pipe &"] {
            let program = try TestedCommand.path()
            let ending = exit == 28 ? "" : "sleep 0.5; kill -INT $command"
            let line = """
                set -m
                rm -f pipe; mkfifo pipe; \(reader)
                \(program) --no-cache -m \(exit == 28 ? 1 : 60) \(servers.names.joined(separator: " ")) \
                -o pipe \(servers.url()) & command=$!
                \(ending)
                wait $command
                """
            let output = try Subprocess.run("bash", ["-c", line], directory: folder.path, timeout: .seconds(30))
            #expect(output.exitCode == exit, "\(output.stderr)")
        }
    }

    @Test(
        "that can't be written to is 23, with the reason, and nothing is asked of the server",
        arguments: ["nowhere/page", "."])
    func unwritable(path: String) throws {
        let output = try fetch("/", to: path)
        #expect(output.exitCode == 23)
        #expect(servers.requests.isEmpty)
        #expect(output.stderr.contains("can't write to \(folder.path)/\(path): "))
        #expect(try files() == [])
    }
}
