// A real server on loopback for the length of a test: nginx, Apache, knot, unbound and others. Each runs in the foreground as whoever
// runs the tests, with all its files in a temporary folder, on a port that was free. It ends with `stop()`, with this
// object, or with the test process, however that ends.

package import Glibc

package final class RealServer {
    /// The port on 127.0.0.1: a DNS server's, UDP and TCP, or a web server's.
    package let port: UInt16
    package var dnsPort: UInt16 { port }
    package var httpPort: UInt16 { port }
    /// The server's process, for a test that halts it (SIGSTOP) or counts what it has open.
    package let process: pid_t
    /// The server's files.
    package let folder: TemporaryFolder

    private let lifeline: Pipe
    private var isStopped = false

    /// Whether a server's program is there: `.enabled(if: RealServer.isInstalled("nginx"), "…")`.
    package static func isInstalled(_ program: String) -> Bool { Executables.find(program) != nil }

    /// What the server has written about itself.
    package var log: String { folder.read("log") }

    /// Starts a server and waits until it answers.
    ///
    /// - Parameters:
    ///   - program: Its executable's name.
    ///   - configure: Writes the configuration into the folder and gives the arguments.
    ///   - answers: Whether it answers on the port now.
    /// - Returns: nil if the program isn't installed.
    /// - Throws: `SupportError`, with the server's log, if it doesn't answer in 10 seconds.
    static func start(
        _ program: String, configure: (TemporaryFolder, UInt16) throws -> [String], answers: (UInt16) -> Bool
    ) throws -> RealServer? {
        guard let path = Executables.find(program) else { return nil }
        var lastLog = ""
        // Somebody else may take the port between its choice and its use.
        for _ in 0..<3 {
            let folder = try TemporaryFolder()
            let port = try Loopback.freePort()
            let server = try RealServer(path, configure(folder, port), folder: folder, port: port)
            if server.isUp(answers) { return server }
            server.stop()
            lastLog = server.log
        }
        throw SupportError("\(program) does not start: \(lastLog)")
    }

    private init(_ program: String, _ arguments: [String], folder: TemporaryFolder, port: UInt16) throws {
        self.folder = folder
        self.port = port
        lifeline = try Pipe()
        var spawn = try Spawn()
        spawn.connect(lifeline.reading, to: 3)
        for output in 1...2 as ClosedRange<CInt> { spawn.write(output, to: "\(folder.path)/log") }
        // The shell becomes the server. Beside it somebody waits for the end of the pipe, of which this process alone holds
        // the other end: when that closes, the server goes too. It isn't the server's child: some wait for all of theirs.
        let script = #"( { read -r _ <&3; kill -CONT -$$; kill -TERM -$$; } >/dev/null 2>&1 & ); exec "$@" 3<&-"#
        process = try spawn.start(["/bin/sh", "-c", script, "sh", program] + arguments)
        lifeline.closeReading()
    }

    deinit { stop() }

    /// Ends the server and waits until it is gone, with its workers; after 5 seconds it is killed. May be called twice.
    package func stop() {
        guard !isStopped else { return }
        isStopped = true
        lifeline.closeWriting()
        _ = hasEnded(within: .seconds(5))
        kill(-process, SIGKILL)  // it, if the time is over, and what it left behind
        _ = Subprocess.wait(for: process)
    }

    private func isUp(_ answers: (UInt16) -> Bool) -> Bool {
        let deadline = ContinuousClock.now + .seconds(60)
        while ContinuousClock.now < deadline {
            if answers(port) { return true }
            if hasEnded(within: .milliseconds(10)) { return false }
        }
        return false
    }

    private func hasEnded(within time: Duration) -> Bool {
        let deadline = ContinuousClock.now + time
        repeat {
            if Subprocess.hasEnded(process) { return true }
            _ = poll(nil, 0, 5)
        } while ContinuousClock.now < deadline
        return false
    }
}
