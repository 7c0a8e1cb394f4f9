// The objects that each fetch makes stay within what glibc's malloc keeps at hand for each size: 1,032 bytes. One that is
// larger costs not only its own slow way: asking for it puts all small freed pieces together, which are then cut anew.

import Bowline
import Glibc
import Testing

@testable import BowlineWeb

@Suite struct ObjectSizeTests {
    private static let largestQuick = 1_032

    @Test("a fetch and a connector are small enough for the allocator's quick way")
    func sizes() throws {
        let reactor = Reactor()
        let fetch = PageFetch(PageRequest("http://h.test/"), agent: reactor.agent)
        #expect(try Self.size(of: fetch) <= Self.largestQuick)
        let connector = reactor.connectTCP(host: "::1", port: 1, factory: ClientFactory { nil })
        #expect(try Self.size(of: connector) <= Self.largestQuick)
        connector.stopConnecting()
    }

    /// How many bytes the allocator has given an object.
    private static func size(of object: AnyObject) throws -> Int {
        typealias Function = @convention(c) (UnsafeMutableRawPointer?) -> Int
        let symbol = try #require(dlsym(dlopen(nil, RTLD_NOW), "malloc_usable_size"))
        return unsafeBitCast(symbol, to: Function.self)(Unmanaged.passUnretained(object).toOpaque())
    }
}
