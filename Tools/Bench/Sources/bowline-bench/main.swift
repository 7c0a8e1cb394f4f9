// Runs the comparisons named on the command line, or all, and prints a row for each. Tools/bench calls this, with the
// servers and limit programs ready; see Setting.swift for what it hands over.
//
// A new bench is a file of its own with a function `(Setting) -> [Comparison]`, and a line in `benches`.

import Glibc

let benches: [(name: String, comparisons: (Setting) -> [Comparison])] = [
    ("deferred", deferred),
    ("timers", timers),
    ("cache", cache),
    ("threads", threads),
    ("echo", echo),
    ("cold", cold),
    ("hot", hot),
    ("names", names),
    ("dropped", dropped),
    ("memory", memory),
    ("idle", idle),
    ("startup", startup),
]

let arguments = CommandLine.arguments.dropFirst()
if arguments.first == idleSubjectFlag {
    try IdleSubject.run(arguments.last ?? "")
    exit(0)
}
if arguments.first == LargeSubject.flag {
    try LargeSubject.run(arguments.last ?? "")
    exit(0)
}
let asJSON = arguments.contains("--json")
/// What was asked for: a bench, and where a slash follows only the cases with these words in their names.
let named = arguments.filter { $0 != "--json" }.map { $0.split(separator: "/", maxSplits: 1).map(String.init) }
if let unknown = named.first(where: { wish in !benches.contains { $0.name == wish.first } })?.first {
    let known = benches.map(\.name).joined(separator: " ")
    let sentence = "bench: no comparison is called \(unknown); there are: \(known)\n"
    write(2, sentence, sentence.utf8.count)
    exit(64)
}

let setting = Setting.fromEnvironment()
var allMeasured = true
if !asJSON { print(Table.head) }
for bench in benches {
    let wishes = named.filter { $0.first == bench.name }
    if !named.isEmpty, wishes.isEmpty { continue }
    for comparison in bench.comparisons(setting) {
        guard wishes.isEmpty || wishes.contains(where: { $0.count == 1 || comparison.name.contains($0[1]) }) else {
            continue
        }
        let row = comparison.run()
        print(asJSON ? row.json : Table.line(row))
        fflush(nil)
        if row.failure != nil { allMeasured = false }
    }
}
exit(allMeasured ? 0 : 1)
