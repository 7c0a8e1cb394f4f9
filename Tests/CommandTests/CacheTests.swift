// The cache that the command keeps between runs, and its verbs.

import Bowline
import BowlineTesting
import Glibc
import Synchronization
import TestSupport
import Testing

@Suite("The command's cache", .timeLimit(.minutes(10)))
struct CacheTests {
    private let servers: Servers
    private let home: TemporaryFolder
    private var path: String { "\(home.path)/bowline/names.sqlite" }

    init() throws {
        servers = try Servers()
        home = try TemporaryFolder()
    }

    private func run(_ arguments: [String], input: String = "") throws -> Subprocess.Output {
        try command(arguments, environment: ["XDG_CACHE_HOME": home.path], input: input)
    }

    private func resolve(_ arguments: String...) throws -> JSONValue {
        let output = try run(["resolve", "--json"] + servers.names + arguments)
        #expect(output.stderr == "")
        return try #require(try output.json().first)
    }

    private func list() throws -> [JSONValue] { try run(["cache", "list", "--json"]).json() }

    @Test("what a run learnt answers the next one, which says so and asks nobody")
    func between() throws {
        #expect(try resolve("alias.test")["source"] == "network")
        let asked = servers.questions.count
        let second = try resolve("alias.test")
        #expect(second["source"] == "cache")
        #expect(second["addresses"] == ["127.0.0.1"])
        #expect(second["server"] == .string("127.0.0.1:\(servers.dnsPort)"))
        #expect(servers.questions.count == asked)
        let text = try run(["resolve"] + servers.names + ["alias.test"]).stdout
        #expect(
            text.contains("from the cache, which has it from 127.0.0.1:\(servers.dnsPort), kept from an earlier run"))
        let fetched = try run(["--json"] + servers.names + [servers.url(host: "alias.test")]).json().first
        #expect(fetched?["ok"] == true && fetched?["dns"]?["source"] == "cache")
        #expect(servers.questions.count == asked)
    }

    @Test(
        "what has expired stands in where the server fails, and the report says both, with the code that came",
        arguments: [(ResponseCode.servFail, "servfail"), (.notImp, "NOTIMP"), (ResponseCode(rawValue: 11), "RCODE11")])
    func stale(code: ResponseCode, told: String) throws {
        let isBroken = Atomic(false)
        let failing = try Servers { _ in
            isBroken.load(ordering: .relaxed)
                ? .code(code) : .addresses([.v4(.loopback)], ttl: 1)
        }
        let arguments = ["resolve", "-4"] + failing.names + ["h.test"]
        #expect(try run(arguments).exitCode == 0)
        isBroken.store(true, ordering: .relaxed)
        // Times in the file are those of the wall clock, and a second is the shortest life.
        usleep(1_100_000)
        // A run of its own each: failures aren't kept, so the second asks again and is told the same.
        for _ in 0..<2 {
            let output = try run(arguments)
            #expect(output.exitCode == 0)
            let server = "127.0.0.1:\(failing.dnsPort)"
            #expect(output.stdout.contains("from the cache, expired, which has it from \(server), \(server): \(told)"))
        }
    }

    @Test("an answer serves only runs that ask the server that it is from")
    func otherServer() throws {
        _ = try resolve("h.test")
        let other = try Servers { _ in .addresses([.v4(IPv4Address(127, 0, 0, 9))]) }
        let line = try run(["resolve", "--json"] + other.names + ["h.test"]).json().first
        #expect(line?["addresses"] == ["127.0.0.9"] || line?["addresses"]?[0] == "127.0.0.9")
        #expect(line?["source"] == "network")
        // And both stay.
        #expect(try resolve("h.test")["source"] == "cache")
        #expect(try list().count == 4)
    }

    @Test("how often an entry was used is kept, too")
    func uses() throws {
        for _ in 0..<3 { _ = try resolve("h.test") }
        let row = try #require(try list().first { $0["name"] == "h.test" && $0["type"] == "A" })
        #expect(row["hits"] == 2)
    }

    @Test(
        "a redirect to another host uses what the file knows of it, also if nobody had to look up the first",
        arguments: ["both.test", "127.0.0.1", "pinned.test"])
    func redirect(host: String) throws {
        _ = try resolve("h.test")
        let asked = servers.questions.count { $0.name.text == "h.test" }
        let output = try run(
            servers.names + [
                "--json", "--resolve", "pinned.test:\(servers.webPort):127.0.0.1",
                servers.url("/elsewhere", host: host),
            ])
        let line = try #require(try output.json().first)
        #expect(line["ok"] == true && line["host"] == "h.test")
        #expect(line["dns"]?["source"] == "cache")
        #expect(servers.questions.count { $0.name.text == "h.test" } == asked)
    }

    @Test("a damaged file that is only found in the middle of a run is put aside and told of, too")
    func lateDamage() throws {
        try home.write("bowline/names.sqlite", text: String(repeating: "this is no database. ", count: 100))
        let output = try run(servers.names + ["--json", servers.url("/elsewhere", host: "127.0.0.1")])
        #expect(output.exitCode == 0)
        #expect(output.stderr.contains("was damaged or no cache of names; it is now \(path).damaged-"))
        #expect(try list().count > 0)
    }

    @Test("a long list finds all that the file has")
    func longList() throws {
        _ = try resolve("-4", "h.test")
        let template = try #require(try run(["cache", "export"]).stdout.split(separator: "\n").first)
        let names = (0..<17_000).map { "n\($0).test" }
        let lines = names.map { template.replacing("\"h.test\"", with: "\"\($0)\"") }.joined(separator: "\n")
        #expect(try run(["cache", "import", "-"], input: lines).stdout == "17000 entries taken in\n")
        let asked = servers.questions.count
        let output = try run(
            ["resolve", "-4", "--json"] + servers.names + ["-"], input: names.joined(separator: "\n"))
        #expect(output.exitCode == 0)
        #expect(servers.questions.count == asked)
    }

    @Test("a file that may not grow is no reason to fail, as a full disk isn't")
    func limited() throws {
        let program = try TestedCommand.path()
        let line = "ulimit -f 8; \(program) resolve --json \(servers.names.joined(separator: " ")) h.test | cat"
        let output = try Subprocess.run(
            "bash", ["-o", "pipefail", "-c", line], environment: ["XDG_CACHE_HOME": home.path])
        #expect(output.exitCode == 0)
        #expect(try output.json().first?["ok"] == true)
    }

    @Test("what is no regular file, or can't be reached, is an error and no empty cache")
    func unreachable() throws {
        let fifo = home.path + "/fifo"
        #expect(mkfifo(fifo, 0o600) == 0)
        for file in [fifo, home.path, "/dev/null", "/dev/null/x"] {
            let output = try run(["cache", "list", "--cache-file", file])
            #expect(output.exitCode == 1 && output.complaints.count == 1, "\(file)")
        }
    }

    @Test("--no-cache neither reads nor writes, and a run of literals makes no file")
    func without() throws {
        _ = try resolve("--no-cache", "h.test")
        _ = try resolve("::1")
        #expect(access(path, F_OK) != 0)
        _ = try resolve("h.test")
        let asked = servers.questions.count
        #expect(try resolve("--no-cache", "h.test")["source"] == "network")
        #expect(servers.questions.count > asked)
    }

    @Test("--cache-file names another file, for runs and for verbs")
    func otherFile() throws {
        let file = "\(home.path)/deep/er/own.sqlite"
        _ = try resolve("--cache-file", file, "h.test")
        #expect(access(path, F_OK) != 0)
        #expect(try list().isEmpty)
        #expect(try run(["cache", "list", "--json", "--cache-file", file]).json().count == 2)
        #expect(try run(["cache", "path", "--cache-file", file]).stdout == file + "\n")
        #expect(try run(["cache", "path"]).stdout == path + "\n")
    }

    @Test("where neither is set nothing is kept, and the verbs say what to do")
    func homeless() throws {
        let nowhere = ["XDG_CACHE_HOME": "", "HOME": ""]
        for verb in [["list"], ["path"], ["flush"], ["export"]] {
            let output = try command(["cache"] + verb, environment: nowhere)
            #expect(output.exitCode == 1 && output.stdout.isEmpty)
            #expect(output.stderr.contains("say where it is with --cache-file"))
        }
        let run = try command(["resolve", "--json"] + servers.names + ["h.test"], environment: nowhere)
        #expect(run.exitCode == 0 && run.stderr.isEmpty)
        let given = try command(["cache", "path", "--cache-file", path], environment: nowhere)
        #expect(given.stdout == "\(path)\n")
    }

    @Test("a cache that somebody else could have written isn't used, and a line says why")
    func exposed() throws {
        _ = try run(["resolve", "--json"] + servers.names + ["h.test"])
        chmod(path, 0o666)
        let output = try run(["resolve", "--json"] + servers.names + ["h.test"])
        #expect(output.exitCode == 0 && output.complaints.count == 1)
        #expect(output.stderr.contains("others may write to it") && output.stderr.contains("going on without it"))
        #expect(try output.json().first?["source"] == "network")
        #expect(try run(["cache", "list"]).exitCode == 1)
    }

    @Test("without XDG_CACHE_HOME it is under HOME")
    func underHome() throws {
        for unset in [nil, "", "relative"] as [String?] {
            let output = try command(
                ["cache", "path"], environment: ["XDG_CACHE_HOME": unset, "HOME": "/home/somebody"])
            #expect(output.stdout == "/home/somebody/.cache/bowline/names.sqlite\n")
        }
    }

    @Test("list has every key of the contract, for records and for names that don't exist")
    func listing() throws {
        _ = try resolve("alias.test")
        _ = try command(
            ["resolve", "--json"] + servers.names + ["nowhere.test"], environment: ["XDG_CACHE_HOME": home.path])
        let rows = try list()
        #expect(rows.count == 3)
        for row in rows {
            #expect(
                row.keys.isSuperset(of: [
                    "name", "type", "state", "data", "ttl_original_s", "ttl_left_s", "source", "server", "rtt_ms",
                    "tries", "tcp", "rcode", "cnames", "hits", "age_s", "idle_s", "last_connect",
                ]))
        }
        let alias = try #require(rows.first { $0["name"] == "alias.test" && $0["type"] == "A" })
        #expect(alias["state"] == "fresh" && alias["data"] == ["127.0.0.1"])
        #expect(alias["cnames"] == [["name": "alias.test", "target": "w.test", "ttl": 60]])
        #expect(alias["ttl_original_s"] == 60)
        #expect(try #require(alias["ttl_left_s"]?.number) <= 60)
        let missing = try #require(rows.first { $0["name"] == "nowhere.test" })
        #expect(missing["state"] == "negative" && missing["type"] == .null && missing["rcode"] == "NXDOMAIN")
    }

    @Test("how connecting went is kept with the address")
    func connects() throws {
        _ = try run(servers.names + [servers.url()])
        let row = try #require(try list().first { $0["name"] == "h.test" && $0["type"] == "A" })
        #expect(row["last_connect"]?[0]?["address"] == "127.0.0.1")
        #expect(row["last_connect"]?[0]?["outcome"] == "connected")
        let text = try run(["cache", "show", "h.test"]).stdout
        #expect(text.contains("127.0.0.1  connected in "))
    }

    @Test("show says all of a name for people, and 1 where nothing is known")
    func showing() throws {
        _ = try resolve("alias.test")
        let output = try run(["cache", "show", "ALIAS.test."])
        #expect(output.exitCode == 0)
        for words in [
            "alias.test  A  fresh", "alias  alias.test → w.test  ttl 60 s", "60 s from the server", " left",
            "ago from 127.0.0.1:\(servers.dnsPort) over UDP in ", "NOERROR, 1 try, kept from an earlier run",
            "no hit yet",
        ] {
            #expect(output.stdout.contains(words), "\(words)")
        }
        let unknown = try run(["cache", "show", "unknown.test"])
        #expect(unknown.exitCode == 1 && unknown.stdout == "" && unknown.complaints.count == 1)
        #expect(try run(["cache", "show", "--json", "alias.test"]).json().count == 2)
    }

    @Test("an empty cache is no failure, and looking makes no file")
    func empty() throws {
        for verb in ["list", "stats", "export"] {
            let output = try run(["cache", verb])
            #expect(output.exitCode == 0 && output.stderr == "")
        }
        #expect(try run(["cache", "stats", "--json"]).json().first?["entries"] == 0)
        #expect(access(home.path + "/bowline", F_OK) != 0)
    }

    @Test("stats counts entries, names, states and types")
    func counting() throws {
        _ = try resolve("h.test")
        _ = try run(["resolve"] + servers.names + ["empty.test", "nowhere.test"])
        let stats = try #require(try run(["cache", "stats", "--json"]).json().first)
        #expect(stats["path"] == .string(path))
        #expect(stats["entries"] == 5 && stats["names"] == 3)
        #expect(stats["states"] == ["fresh": 1, "negative": 4])
        #expect(stats["types"] == ["A": 2, "AAAA": 2, "NXDOMAIN": 1])
        #expect(try run(["cache", "stats"]).stdout.contains("5 entries of 3 names"))
    }

    @Test("flush forgets a name, or everything, and says how much")
    func flushing() throws {
        _ = try resolve("h.test")
        _ = try resolve("both.test")
        #expect(try run(["cache", "flush", "h.test"]).stdout == "2 entries forgotten\n")
        #expect(Set(try list().map { $0["name"] }) == ["both.test"])
        #expect(try run(["cache", "flush", "--json"]).json() == [["flushed": 2]])
        #expect(try list().isEmpty)
    }

    @Test("an export that is imported elsewhere and exported again is the same, and serves a run")
    func roundTrip() throws {
        _ = try resolve("alias.test")
        _ = try run(["resolve"] + servers.names + ["nowhere.test", "empty.test"])
        let exported = try run(["cache", "export"]).stdout
        #expect(exported.split(separator: "\n").count == 5)
        let other = "\(home.path)/other.sqlite"
        let imported = try run(["cache", "import", "-", "--cache-file", other], input: exported)
        #expect(imported.stdout == "5 entries taken in\n")
        let again = try run(["cache", "export", "--cache-file", other]).stdout
        let (before, after) = (try rows(exported), try rows(again))
        #expect(
            before.map { row in row.filter { !dates.contains($0.key) } }
                == after.map { row in row.filter { !dates.contains($0.key) } })
        for (one, other) in zip(before, after) {
            for key in dates {
                // The clocks for dates and for durations are read one after the other.
                let (before, after) = (try #require(one[key]?.number), try #require(other[key]?.number))
                #expect(abs(before - after) < 1_000, "\(key)")
            }
        }
        let asked = servers.questions.count
        #expect(try resolve("--cache-file", other, "alias.test")["source"] == "cache")
        #expect(servers.questions.count == asked)
    }

    private let dates: Set = ["stored_ms", "expires_ms", "used_ms"]

    /// The lines, in an order of their own.
    private func rows(_ text: String) throws -> [[String: JSONValue]] {
        try JSONValue.lines(text).map { $0.members }.sorted {
            "\($0["name"] ?? "")\($0["type"] ?? "")" < "\($1["name"] ?? "")\($1["type"] ?? "")"
        }
    }

    @Test("of an import with a line that isn't right nothing is taken, and the line is named")
    func wrongImport() throws {
        _ = try resolve("h.test")
        let exported = try run(["cache", "export"]).stdout
        _ = try run(["cache", "flush"])
        let file = try home.write("export.jsonl", text: exported + "{\"name\": \"x\u{1B}[31m\"}\n")
        let output = try run(["cache", "import", file])
        #expect(output.exitCode == 1)
        #expect(output.stderr.contains("line 3 is no entry of a cache") && output.complaints.count == 1)
        #expect(try list().isEmpty)
        #expect(try run(["cache", "import", "/dev/null/file"]).exitCode == 1)
    }

    @Test(
        "a file that is no cache is put aside with a line that says so, and the run goes on; verbs that only look don't move it"
    )
    func foreign() throws {
        try home.write("bowline/names.sqlite", text: String(repeating: "this is no database. ", count: 100))
        let looking = try run(["cache", "list"])
        #expect(looking.exitCode == 1 && looking.complaints.count == 1)
        let output = try run(["resolve", "--json"] + servers.names + ["h.test"])
        #expect(output.exitCode == 0)
        #expect(output.stderr.contains("was damaged or no cache of names; it is now \(path).damaged-"))
        #expect(output.complaints.count == 1)
        #expect(try list().count == 2)
    }

    @Test("a cache that can't be made is one line on stderr, and no reason to fail")
    func unusable() throws {
        try home.write("bowline", text: "a file in the folder's place")
        let output = try run(["resolve", "--json"] + servers.names + ["h.test"])
        #expect(output.exitCode == 0 && output.complaints.count == 1)
        #expect(output.stderr.contains("going on without it"))
        #expect(try output.json().first?["ok"] == true)
    }

    @Test("control bytes that a server put into an answer don't reach the terminal")
    func escaping() throws {
        let evil = try Servers { _ in
            .records([FakeDNSServer.Record("text.test", .txt, data: [6] + Array("\u{1B}[31m\u{7}".utf8))])
        }
        let output = try run(["resolve"] + evil.names + ["--type", "TXT", "text.test"])
        #expect(output.exitCode == 0)
        for verb in [["list"], ["show", "text.test"], ["export"], ["list", "--json"]] {
            let output = try run(["cache"] + verb)
            #expect(!output.stdoutBytes.contains { $0 < 0x20 && $0 != 0x0A }, "\(verb)")
        }
    }
}
