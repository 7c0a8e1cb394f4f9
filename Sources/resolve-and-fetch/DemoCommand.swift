// `resolve-and-fetch demo`: the whole story on loopback, with servers of its own.

import ArgumentParser
import Bowline

struct DemoCommand: RunnableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resolve-and-fetch demo",
        abstract: "Shows it on loopback: own DNS and web servers, and IPv6 that is broken in three ways.",
        usage: "resolve-and-fetch demo")

    func execute() -> Int32 {
        do {
            let reactor = Reactor()
            let demo = try Demo(reactor)
            _ = try Batch.run(Array(demo.scenes.indices), on: reactor, limit: 1) { index, done in
                demo.show(demo.scenes[index], done)
            }
            if let signal = reactor.lastSignal { return 128 + signal }
            return demo.exitCode
        } catch {
            Self.exit(withError: error)
        }
    }
}
