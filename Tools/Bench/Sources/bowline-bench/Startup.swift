// `startup`: one fetch by the command, from the process's start to its end, beside curl doing the same. The name is
// pinned on both sides, so that neither reads another resolver's answer.

func startup(_ setting: Setting) -> [Comparison] {
    let name = "n1.bench.test"
    let port = setting.servers?.httpPort ?? 0
    let request = ["--resolve", "\(name):\(port):127.0.0.1", "http://\(name):\(port)/small"]
    let ours = [setting.command ?? "resolve-and-fetch"] + request
    let curl = ["curl", "--silent", "--fail", "--noproxy", "*"] + request
    let peak = setting.limit("peak")[0]
    return [
        Comparison(
            bench: "startup", name: "one fetch, whole process", unit: "ms", better: .lower, target: Budget.startup,
            referenceName: "curl", ours: process(ours, setting, milliseconds),
            reference: process(curl, setting, milliseconds)),
        Comparison(
            bench: "startup", name: "peak memory of such a process", unit: "KiB", better: .lower,
            target: Budget.startupMemory, referenceName: "curl",
            ours: process(ours, setting) { try Program.rate([peak] + $0) },
            reference: process(curl, setting) { try Program.rate([peak] + $0) }, pairs: 3),
    ]
}

private func process(_ words: [String], _ setting: Setting, _ figure: @escaping ([String]) throws -> Double) -> Side {
    guard setting.servers != nil else { return .missing("nginx or knot is not installed") }
    guard Program.isInstalled(words[0]) else { return .missing("\(words[0]) is not installed") }
    return .measured { try figure(words) }
}

/// The median over 30 processes.
private func milliseconds(_ words: [String]) throws -> Double {
    median(try (0..<30).map { _ in try nanoseconds { try Program.run(words) } / 1e6 }) ?? 0
}
