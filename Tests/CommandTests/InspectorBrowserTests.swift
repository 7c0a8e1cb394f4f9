// The inspector in a real browser. Tests/Fixtures/browser.py starts the command and drives Chromium; what it finds is judged
// here. Screenshots stay in the folder that BOWLINE_SCREENSHOTS names, if it is set.

import Bowline
import BowlineTesting
import Glibc
import TestSupport
import Testing

private let isThere = RealServer.isInstalled("chromium") && RealServer.isInstalled("python3")

@Suite("The inspector in a browser", .enabled(if: isThere, "chromium or python3 is not installed"), .serialized)
struct InspectorBrowserTests {
    @Test(
        "rows come while the run goes on, can be searched, sorted and flushed, with scripts and without, in both themes"
    )
    func browser() throws {
        let servers = try Servers(dns: { question in
            // Some take long enough to be seen in flight, whenever somebody looks.
            .delayed(
                by: question.name.text.hasPrefix("slow") ? .seconds(2) : .milliseconds(5),
                .addresses([.v4(.loopback)], ttl: 300))
        })
        let folder = try TemporaryFolder()
        let screenshots = getenv("BOWLINE_SCREENSHOTS").map { String(cString: $0) } ?? folder.path
        let targets = (1...4_000).map { servers.url("/busy", host: $0 % 10 == 0 ? "slow\($0).test" : "n\($0).test") }
        let output = try Subprocess.run(
            "python3",
            [
                "\(SwiftCompiler.root)/Tests/Fixtures/browser.py", try #require(Executables.find("chromium")),
                folder.path, screenshots,
                TestedCommand.path(),
            ] + servers.names + [
                "--no-cache", "--inspect", "127.0.0.1:0", "--concurrency", "3", "--dns-timeout", "900",
                "--connect-timeout", "900",
                "-m", "900",
            ] + targets, timeout: .seconds(300))
        var found: [Substring: Substring] = [:]
        for line in output.stdout.split(separator: "\n") {
            guard let colon = line.firstRange(of: ": ") else { continue }
            found[line[..<colon.lowerBound]] = line[colon.upperBound...]
        }
        #expect(output.exitCode == 0, "\(output.stderr)")
        #expect(found["without the token"] == "403")
        #expect(found["with a wrong token"] == "403")
        #expect(found["from elsewhere"] == "403")
        #expect(found["another host"] == "421")
        #expect(found["entries"] == "appear")
        #expect(found["in flight and servers"] == "shown")
        #expect(found["sorted"] == "True")
        #expect(found["sorted downwards"] == "True")
        #expect(found["aria-sort"] == "descending")
        #expect(found["light"] == "rgb(246, 247, 249)")
        #expect(found["dark"] == "rgb(17, 21, 27)")
        #expect(found["toggled"] == found["light"])
        #expect(found["searched"]?.contains("'n1.test'") == true)
        #expect(found["flushed"]?.hasSuffix(" flushed.") == true)
        #expect(found["console"] == "[]")
        #expect(found["without scripts"]?.contains("'n2.test'") == true)
        #expect(found["live without scripts"] == "False")
        let word = found["flushed without scripts"]
        #expect(word?.hasSuffix(" flushed.") == true, "\(word ?? "nothing")")
        #expect(found["still running"] == "True")
        #expect(found["over"] == "yes")
    }
}
