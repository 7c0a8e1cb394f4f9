@testable import resolve_and_fetch

import ArgumentParser
import Bowline
import Logging
import Testing

@Suite("The options of names")
struct NameOptionsTests {
    @Test(
        "what of the system's configuration has no effect is told to those who ask for everything, and to no others",
        arguments: [([], false), (["-v"], true)] as [([String], Bool)])
    func log(arguments: [String], isTold: Bool) throws {
        let reactor = Reactor()
        let level = try NameOptions.parse(arguments).makeResolver(reactor).logger.logLevel
        #expect((level <= .notice) == isTold)
    }
}
