// Many targets at once: how many of one host, and what is tried again.

import Bowline
import BowlineTesting
import Glibc
import Synchronization
import TestSupport
import Testing

@Suite("Many targets")
struct ManyTargetsTests {
    @Test(
        "no more of one host than --per-host begin, others don't wait behind them, and what stood aside is told as interrupted",
        arguments: [nil, 2])
    func perHost(limit: Int?) throws {
        let servers = try Servers(
            dns: { _ in .addresses([.v4(.loopback)], ttl: 300) },
            web: { $0.target == "/small" ? .respond(.init("x")) : .stall })
        let targets = (0..<30).map { servers.url("/\($0)", host: "big.test") }
        let small = servers.url("/small", host: "small.test")
        let output = try command(
            servers.names + (limit.map { ["--per-host", "\($0)"] } ?? []) + ["--json"] + targets + [small],
            interruption: .init(signal: SIGINT, whenWritten: "/small"))
        #expect(output.exitCode == 130)
        #expect(servers.requests.count { $0.target != "/small" } <= limit ?? 6)
        let lines = try output.json()
        #expect(lines.first?["target"] == .string(small))
        #expect(lines.first?["ok"] == true)
        #expect(lines.dropFirst().map { $0["target"]?.string ?? "" }.sorted() == targets.sorted())
        #expect(lines.dropFirst().allSatisfy { $0["error"]?["code"] == "cancelled" })
    }

    @Test("all of one host are fetched, a few at a time")
    func allOfOne() throws {
        let servers = try Servers()
        let targets = (0..<40).map { servers.url("/?\($0)") }
        let output = try command(
            servers.names + ["--json", "--per-host", "3", "--input", "-"], input: targets.joined(separator: "\n"))
        #expect(try output.json().map { $0["target"]?.string ?? "" }.sorted() == targets.sorted())
        #expect(servers.requests.count == targets.count)
    }

    @Test("a failure that may pass is tried again, one that won't isn't, and the last try is what is told")
    func retries() throws {
        let count = Mutex(0)
        let servers = try Servers(web: { request in
            switch request.target {
            case "/late":
                let isFirst = count.withLock {
                    $0 += 1
                    return $0 == 1
                }
                return isFirst ? .respond(.init(status: 503)) : .respond(.init("at last"))
            case "/never": return .respond(.init(status: 404))
            default: return .reset
            }
        })
        let well = try #require(
            try command(servers.names + ["--json", "--retries", "3", servers.url("/late")]).json().first)
        #expect(well["ok"] == true)
        #expect(well["retries"] == 1)
        #expect(try #require(well["timings"]?["total_ms"]?.number) >= 800)
        let never = try #require(
            try command(servers.names + ["--json", "--retries", "3", servers.url("/never")]).json().first)
        #expect(never["status"] == 404)
        #expect(never["retries"] == 0)
        // Its time is that of all tries.
        let text = try command(servers.names + ["--retries", "1", servers.url("/cut")])
        #expect(text.stdout.contains("after 1 retry"))
        // A request that may have been carried out isn't sent twice.
        let posted = try command(servers.names + ["--json", "--retries", "3", "-d", "x", servers.url("/cut")])
        #expect(posted.exitCode == 56)
        #expect(servers.requests.count { $0.target == "/cut" } == 3)
    }

    @Test("a lookup that failed is tried again when its failure is no longer remembered")
    func retriedLookups() throws {
        let asked = Mutex<Set<String>>([])
        let servers = try Servers { question in
            let isFirst = asked.withLock { $0.insert("\(question.name) \(question.type)").inserted }
            return isFirst ? .code(.servFail) : .addresses([.v4(.loopback)])
        }
        let targets = (0..<8).map { servers.url(host: "h\($0).test") }
        let output = try command(servers.names + ["--json", "--no-cache", "--retries", "1"] + targets)
        #expect(try output.json().count { $0["ok"] == true && $0["retries"] == 1 } == targets.count)
    }
}
