// Runs a program to its end for a test: the command under test, a server's checker, strace. Always bounded, and never
// leaves a process behind: the program gets a process group of its own, which is killed when the time is over.

import Glibc

/// A program that a test runs to its end.
package enum Subprocess {
    /// How a program ended.
    package enum End: Equatable, Sendable {
        case exited(CInt)
        case killed(signal: CInt)
        case timedOut
    }

    /// What a program left.
    package struct Output: Sendable {
        package let end: End
        package let stdoutBytes: [UInt8]
        package let stderrBytes: [UInt8]
        /// The most memory that it has had at once, in bytes, as far as that was looked at.
        package let peakMemory: Int

        package var stdout: String { String(decoding: stdoutBytes, as: UTF8.self) }
        package var stderr: String { String(decoding: stderrBytes, as: UTF8.self) }
        /// The exit code; nil if a signal or the time ended it.
        package var exitCode: CInt? { if case .exited(let code) = end { code } else { nil } }
    }

    /// A signal to send as soon as the program has written some text, for tests of how it ends on Ctrl-C.
    package struct Interruption: Sendable {
        let signal: CInt
        let text: String

        package init(signal: CInt, whenWritten text: String) {
            self.signal = signal
            self.text = text
        }
    }

    /// Runs a program and waits for its end.
    ///
    /// - Parameters:
    ///   - program: A path, or a name that is looked for as `Executables.find` does.
    ///   - environment: Variables to set, beside those of this process; nil removes one.
    ///   - directory: Where it runs; nil is where this process does.
    ///   - input: What it reads from stdin.
    ///   - interruption: A signal to send once its stdout or stderr contains a text.
    ///   - watchesMemory: Whether its memory is looked at, every 20 ms: what it takes in its last moments may be missed.
    ///   - timeout: After this it is killed, with all that it started in its process group.
    /// - Throws: `SupportError` if it can't be started.
    package static func run(
        _ program: String, _ arguments: [String] = [], environment: [String: String?] = [:], directory: String? = nil,
        input: String = "", interruption: Interruption? = nil, watchesMemory: Bool = false,
        timeout: Duration = .seconds(120)
    ) throws -> Output {
        guard let path = Executables.find(program) else { throw SupportError("\(program) is not installed") }
        let stdin = try Pipe()
        let stdout = try Pipe()
        let stderr = try Pipe()
        var spawn = try Spawn()
        spawn.connect(stdin.reading, to: 0)
        spawn.connect(stdout.writing, to: 1)
        spawn.connect(stderr.writing, to: 2)
        let place = directory.map { ["/usr/bin/env", "-C", $0] } ?? []
        let process = try spawn.start(place + [path] + arguments, environment: environment)
        for pipe in [stdout, stderr] { pipe.closeWriting() }
        stdin.closeReading()

        var exchange = Exchange(
            process: process, interruption: interruption, input: Array(input.utf8), stdin: stdin, stdout: stdout,
            stderr: stderr, watchesMemory: watchesMemory)
        let inTime = exchange.run(until: .now + timeout)
        kill(-process, SIGKILL)  // it, if the time is over, and what it left behind
        let status = wait(for: process)
        let end: End =
            !inTime ? .timedOut : status & 0x7f == 0 ? .exited((status >> 8) & 0xff) : .killed(signal: status & 0x7f)
        return Output(
            end: end, stdoutBytes: exchange.output, stderrBytes: exchange.errors, peakMemory: exchange.peakMemory)
    }

    /// Whether a process of ours has ended, without taking its status: its number stays its own until `wait`.
    static func hasEnded(_ process: pid_t) -> Bool {
        var info = siginfo_t()
        return waitid(P_PID, id_t(process), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_signo == SIGCHLD
    }

    /// The wait status of a process, which is gone after that.
    static func wait(for process: pid_t) -> CInt {
        var status: CInt = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        return status
    }
}

/// The three pipes of a running program, served until it has ended and all that it wrote is read. What it started may keep
/// the pipes open, so their end is not awaited.
private struct Exchange {
    let process: pid_t
    var interruption: Subprocess.Interruption?
    var input: [UInt8]
    let stdin: Pipe
    let stdout: Pipe
    let stderr: Pipe
    let watchesMemory: Bool
    var peakMemory = 0
    var output: [UInt8] = []
    var errors: [UInt8] = []

    /// False if the deadline came first.
    mutating func run(until deadline: ContinuousClock.Instant) -> Bool {
        _ = fcntl(stdin.writing, F_SETFL, O_NONBLOCK)
        while ContinuousClock.now < deadline {
            let ended = Subprocess.hasEnded(process)
            writeInput()
            var polled = [stdout, stderr].map { pollfd(fd: $0.reading, events: Int16(POLLIN), revents: 0) }
            // Nothing tells when a process ends whose outputs have ended, so that is looked at more often.
            let patience: CInt = ended ? 0 : stdout.isReading || stderr.isReading ? 20 : 1
            if poll(&polled, 2, patience) == 0, ended { return true }
            if polled[0].revents != 0, !stdout.read(into: &output) { stdout.closeReading() }
            if polled[1].revents != 0, !stderr.read(into: &errors) { stderr.closeReading() }
            interrupt()
            if watchesMemory { measure() }
        }
        return false
    }

    /// The peak as the system knows it of the program (`VmHWM`). What wait4(2) tells would be the test process's own, whose
    /// memory a child has until it becomes its program.
    private mutating func measure() {
        guard let stream = fopen("/proc/\(process)/status", "r") else { return }
        defer { fclose(stream) }
        var line = [CChar](repeating: 0, count: 256)
        while fgets(&line, CInt(line.count), stream) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            let words = text.split(whereSeparator: \.isWhitespace)
            guard words.count == 3, words[0] == "VmHWM:", let kibibytes = Int(words[1]) else { continue }
            peakMemory = max(peakMemory, kibibytes * 1024)
        }
    }

    private mutating func interrupt() {
        guard let interruption,
            [output, errors].contains(where: { String(decoding: $0, as: UTF8.self).contains(interruption.text) })
        else { return }
        kill(process, interruption.signal)
        self.interruption = nil
    }

    /// As much as the pipe takes now; closed after the last byte, or when nobody reads: that is no error.
    private mutating func writeInput() {
        guard stdin.isWriting else { return }
        while !input.isEmpty {
            let written = write(stdin.writing, input, input.count)
            if written < 0, errno == EAGAIN { return }
            guard written > 0 else { break }
            input.removeFirst(written)
        }
        stdin.closeWriting()
    }
}
