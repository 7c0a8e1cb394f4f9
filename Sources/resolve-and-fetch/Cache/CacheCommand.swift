// `resolve-and-fetch cache VERB`: looks into the cache that is kept between runs. Each verb opens the file, does one thing, and
// asks nobody.

import ArgumentParser
import Bowline
import BowlineStore
import Glibc

struct CacheCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resolve-and-fetch cache",
        abstract: "Looks into the cache of names that is kept between runs.",
        usage: """
            resolve-and-fetch cache list|stats|path [<options>]
            resolve-and-fetch cache show NAME [<options>]
            resolve-and-fetch cache flush [NAME] [<options>]
            resolve-and-fetch cache export [<options>] > FILE
            resolve-and-fetch cache import FILE [<options>]
            """,
        subcommands: [List.self, Show.self, Stats.self, Flush.self, Export.self, Import.self, Path.self])

    /// Does what the arguments after `cache` say, and ends the process.
    static func main(_ arguments: ArraySlice<String>) -> Never {
        do {
            var command = try parseAsRoot(Array(arguments))
            if command is CacheCommand {
                throw ValidationError(
                    "The verb 'cache' needs one of its own: list, show, stats, flush, export, import, path.")
            }
            if let runnable = command as? any RunnableCommand { Glibc.exit(runnable.execute()) }
            // What was asked for is help.
            try command.run()
            Glibc.exit(0)
        } catch {
            exit(withError: error)
        }
    }
}

/// What the verbs share: the file, and how it is looked at.
struct CacheAccess: ParsableArguments {
    @Option(
        name: .customLong("cache-file"), parsing: .unconditional,
        help: ArgumentHelp("The file, if it isn't the user's own.", valueName: "path"))
    var file: String?

    @Flag(name: .customLong("json"), help: "Print one JSON object a line.")
    var json = false

    func validate() throws { try CachePath.check(file) }

    /// Where the file is.
    var path: String {
        get throws {
            guard let path = CachePath.path(file) else {
                throw CacheStoreError(
                    .system, path: "your home", detail: "HOME isn't set; say where it is with --cache-file")
            }
            return path
        }
    }

    /// The entries that a run would use, of all servers.
    func entries(of name: DomainName? = nil) throws -> [CacheEntry] {
        let now = ReactorInstant.monotonicNow
        let entries = try SQLiteCacheStore(path: try path, access: .look).load(name.map { [$0] }, limit: .max)
        return entries.filter { $0.origin.server != nil && ResolverCache.isSound($0, now: now) }.map { entry in
            var entry = entry
            (entry.origin.source, entry.origin.isRestored) = (.network, true)
            return entry
        }
    }

    /// Opens the file to change it.
    func open() throws -> SQLiteCacheStore {
        let store = try SQLiteCacheStore(path: try path)
        CachePath.warn(of: store)
        return store
    }

    /// Does something with the file and prints what it gives; an error of the file is one line and 1, an error of stdout 23.
    func print(_ lines: () throws -> [String]) -> Int32 {
        do {
            try Console.print(try lines())
            return 0
        } catch let error as SystemError {
            let failure = Failure.output("stdout", error)
            Console.complain(failure)
            return failure.exitCode
        } catch {
            Console.warn("\(error)")
            return 1
        }
    }

    /// How many there are of something, in words or as JSON.
    func count(_ count: Int, _ key: String, _ words: String) -> [String] {
        if json { return [JSON.object([(key, .integer(count))]).text] }
        return ["\(count) \(count == 1 ? "entry" : "entries") \(words)"]
    }
}

/// A name as it is given to a verb: as people write it, or as the lists print it.
struct CacheName: ExpressibleByArgument {
    let name: DomainName

    init?(argument: String) {
        guard let name = (try? DomainName(argument)) ?? DomainName(described: argument) else { return nil }
        self.name = name
    }
}

extension CacheCommand {
    struct List: RunnableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists all entries, those used most recently first.",
            usage: "resolve-and-fetch cache list [<options>]")

        @OptionGroup var access: CacheAccess

        func execute() -> Int32 {
            access.print {
                let entries = try access.entries()
                guard access.json else { return EntryTable(entries).lines(Style(of: 1)) }
                let now = ReactorInstant.monotonicNow
                return entries.map { $0.json(at: now).text }
            }
        }
    }

    struct Show: RunnableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows all that is known of a name. 1 if nothing is.",
            usage: "resolve-and-fetch cache show [<options>] NAME")

        @Argument(help: ArgumentHelp("The name.", valueName: "name"))
        var name: CacheName

        @OptionGroup var access: CacheAccess

        func execute() -> Int32 {
            var isKnown = false
            let code = access.print {
                let entries = try access.entries(of: name.name)
                let now = ReactorInstant.monotonicNow
                isKnown = !entries.isEmpty
                if !isKnown { Console.warn("nothing is known of \(name.name)") }
                let style = Style(of: 1)
                return entries.flatMap { entry in
                    access.json ? [entry.json(at: now).text] : EntryText(entry, at: now).lines(style)
                }
            }
            return code == 0 && !isKnown ? 1 : code
        }
    }

    struct Stats: RunnableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Counts the entries by their state and type.",
            usage: "resolve-and-fetch cache stats [<options>]")

        @OptionGroup var access: CacheAccess

        func execute() -> Int32 {
            access.print {
                let counts = EntryCounts(try access.entries(), path: try access.path)
                return access.json ? [counts.json.text] : counts.lines
            }
        }
    }

    struct Flush: RunnableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Forgets a name, or everything. What a run has in its memory meanwhile it may save again.",
            usage: "resolve-and-fetch cache flush [<options>] [NAME]")

        @Argument(help: ArgumentHelp("The name; everything without one.", valueName: "name"))
        var name: CacheName?

        @OptionGroup var access: CacheAccess

        func execute() -> Int32 {
            access.print { access.count(try access.open().flush(name?.name), "flushed", "forgotten") }
        }
    }

    struct Export: RunnableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Writes all entries to stdout, a JSON object a line, for `import`.",
            usage: "resolve-and-fetch cache export [<options>] > FILE")

        @OptionGroup var access: CacheAccess

        func execute() -> Int32 {
            access.print {
                try access.entries().compactMap { CacheExport.line($0) }
            }
        }
    }

    struct Import: RunnableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Takes in what `export` wrote: all of it, or nothing if a line isn't right.",
            usage: "resolve-and-fetch cache import [<options>] FILE")

        @Argument(help: ArgumentHelp("The file; - is stdin.", valueName: "file"))
        var file: String

        @OptionGroup var access: CacheAccess

        func execute() -> Int32 {
            let text: [UInt8]
            do {
                text = try Files.read(file == "-" ? "/dev/stdin" : file)
            } catch {
                Console.warn("can't read \(file): \(SystemError.text(of: error.code))")
                return 1
            }
            return access.print { access.count(try access.open().take(export: text), "imported", "taken in") }
        }
    }

    struct Path: RunnableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints where the cache is.", usage: "resolve-and-fetch cache path [<options>]")

        @OptionGroup var access: CacheAccess

        func execute() -> Int32 {
            access.print {
                let path = try access.path
                return [access.json ? JSON.object([("path", .string(path))]).text : path]
            }
        }
    }
}
