// Which addresses may be connected to: what a policy refuses, and that a connector never dials it, wherever it comes from.

import Bowline
import BowlineTesting
import Glibc
import Testing

@Suite("An address policy")
struct AddressPolicyTests {
    let world = VirtualWorld()
    let factory: LoggingFactory
    var options = ConnectOptions()

    init() {
        factory = LoggingFactory(world)
        options.addressPolicy = .publicOnly
        world.addresses.otherwise = .connectsAtOnce()
    }

    private func connect(to host: String = "h.test", _ options: ConnectOptions? = nil) -> Connector {
        let connector = world.connect(factory, to: host, options ?? self.options)
        world.time.advance(by: .seconds(1))
        return connector
    }

    private var dialled: [String] { world.addresses.attempts.map { "\($0.address)" } }

    @Test("refuses what it names, and nothing else")
    func kinds() throws {
        let samples: [(String, SpecialPurposeAddress)] = [
            ("0.0.0.0", .unspecified), ("::1", .loopback), ("169.254.169.254", .linkLocal),
            ("192.168.1.1", .privateUse),
            ("100.64.0.1", .shared), ("ff02::1", .multicast), ("2001:db8::1", .documentation), ("240.0.0.1", .reserved),
        ]
        #expect(samples.map(\.1) == SpecialPurposeAddress.allCases)
        for (text, kind) in samples {
            let address = try #require(IPAddress(text))
            #expect(AddressPolicy.publicOnly.refusal(of: address) == kind)
            #expect(AddressPolicy.unrestricted.refusal(of: address) == nil)
            #expect(AddressPolicy.publicOnly.allowing(kind).refusal(of: address) == nil)
            for other in SpecialPurposeAddress.allCases where other != kind {
                #expect(AddressPolicy.publicOnly.allowing(other).refusal(of: address) == kind)
                #expect(AddressPolicy(refusing: [other]).refusal(of: address) == nil)
            }
        }
        for text in ["9.9.9.9", "2620:fe::fe", "::ffff:9.9.9.9"] {
            #expect(AddressPolicy.publicOnly.refusal(of: try #require(IPAddress(text))) == nil)
        }
    }

    @Test("lets a connector dial only what is left of a name's addresses, and the rest is in the report")
    func someRefused() {
        world.names.plan("h.test", .addresses(addresses("fe80::1 10.0.0.1 9.9.9.9"), after: .milliseconds(1)))
        let connector = connect()
        #expect(connector.state == .connected && dialled == ["9.9.9.9:80"])
        #expect(connector.attempts.map(\.outcome) == [.denied, .denied, .connected])
        #expect(connector.attempts.map(\.refusal) == [.linkLocal, .privateUse, nil])
    }

    @Test(
        "refuses the text of an address in any spelling",
        arguments: ["127.0.0.1", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:a00:1::", "::", "192.168.0.1"])
    func literals(text: String) {
        let connector = connect(to: text)
        #expect(dialled.isEmpty && factory.errors.count == 1)
        #expect(connector.attempts.map(\.outcome) == [.denied])
    }

    @Test("ends a connect whose every address is refused at once, with each address and why")
    func allRefused() {
        world.names.plan("h.test", .addresses(addresses("::1 10.0.0.1")))
        let connector = world.connect(factory, options)
        world.time.advance(by: .zero)
        #expect(connector.state == .disconnected && dialled.isEmpty)
        let error = factory.errors.first
        #expect(error?.phase == .connect && error?.attemptOutcome == .denied)
        #expect(
            "\(error.map { "\($0)" } ?? "")"
                == "cannot connect to h.test:80: [::1]:80 denied (loopback address), 10.0.0.1:80 denied (private address); "
                + "the address policy forbids it")
        #expect(world.time.delayedCalls.isEmpty && world.active.isEmpty)
    }

    @Test("doesn't take a refused address for an answer: the other family is waited for")
    func otherFamily() {
        world.names.plan("h.test", .aaaa, .addresses(addresses("fd00::1"), after: .milliseconds(1)))
        world.names.plan("h.test", .a, .addresses(addresses("9.9.9.9"), after: .milliseconds(400)))
        let connector = connect()
        #expect(connector.state == .connected && dialled == ["9.9.9.9:80"])
        #expect(connector.attempts.map(\.refusal) == [.privateUse, nil])
    }

    @Test("holds for each connect: a name that was public and is loopback now is refused")
    func rebinding() {
        world.names.plan("h.test", .addresses(addresses("9.9.9.9")))
        let connector = connect()
        #expect(connector.state == .connected)
        connector.disconnect()
        world.time.advance(by: .zero)
        world.names.plan("h.test", .addresses(addresses("127.0.0.1")))
        connector.connect()
        world.time.advance(by: .seconds(1))
        #expect(connector.state == .disconnected && dialled == ["9.9.9.9:80"])
        #expect(factory.errors.map(\.shortReason) == ["denied"])
    }

    @Test("is told to the observer, as every attempt is")
    func observer() {
        world.names.plan("h.test", .addresses(addresses("10.0.0.1 9.9.9.9"), after: .milliseconds(1)))
        let connector = world.connector(.host("h.test", port: 80), factory, options)
        var ended: [ConnectionAttempt] = []
        connector.observer = { event in
            if case .attemptEnded(let attempt) = event { ended.append(attempt) }
        }
        connector.connect()
        world.time.advance(by: .seconds(1))
        #expect(ended == connector.attempts && ended.map(\.refusal) == [.privateUse, nil])
    }

    @Test("that is unrestricted, as it is unless set, allows the loopback")
    func unrestricted() {
        let connector = connect(to: "127.0.0.1", ConnectOptions())
        #expect(connector.state == .connected && connector.attempts.map(\.refusal) == [nil])
    }
}
