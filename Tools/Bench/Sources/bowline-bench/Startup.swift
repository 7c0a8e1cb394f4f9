// `startup`: one fetch by the command, from the process's start to its end, beside curl doing the same. The name is
// pinned on both sides, so that neither reads another resolver's answer.

func startup(_ setting: Setting) -> [Comparison] {
    let name = "n1.bench.test"
    let port = setting.servers?.httpPort ?? 0
    let request = ["--resolve", "\(name):\(port):127.0.0.1", "http://\(name):\(port)/small"]
    return [
        Comparison(
            bench: "startup", name: "one fetch, whole process", unit: "ms", better: .lower, target: Budget.startup,
            referenceName: "curl",
            ours: process(setting.command ?? "resolve-and-fetch", request, setting),
            reference: process("curl", ["--silent", "--fail", "--noproxy", "*"] + request, setting))
    ]
}

/// The median over 30 processes, in milliseconds.
private func process(_ program: String, _ arguments: [String], _ setting: Setting) -> Side {
    guard setting.servers != nil else { return .missing("nginx or knot is not installed") }
    guard Program.isInstalled(program) else { return .missing("\(program) is not installed") }
    return .measured {
        let times = try (0..<30).map { _ in try nanoseconds { try Program.run([program] + arguments) } / 1e6 }
        return median(times) ?? 0
    }
}
