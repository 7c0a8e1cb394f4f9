// A row of the race's tables: when names are answered, what becomes of each address, and the trace that is expected.

import Bowline
import Testing

struct RaceScenario: Sendable, CustomTestStringConvertible {
    struct LookupError: Error, Equatable { var code: Int }

    enum Lookup: Sendable {
        case found(String)
        case noData
        case error(Int)
    }

    var name: String
    var families: [AddressFamily] = [.ipv6, .ipv4]
    /// When the lookup ends, and with what; nil if it never does.
    var aaaa: (at: Int, Lookup)?
    var a: (at: Int, Lookup)?
    /// Addresses that need no lookup.
    var literals: String?
    /// What is not in here stays silent.
    var fates: [String: RaceSimulator.Fate] = [:]
    var events: [(at: Int, Race.Event)] = []
    var turn = RaceSimulator.Turn.timerFirst
    var isSloppy = false
    var trace = ""

    var testDescription: String { name }

    func simulated() -> RaceSimulator {
        // IPv6 first and otherwise the answers' order: RFC 6724's has tests of its own.
        let race = Race(port: 80, families: families, addresses: literals.map(parsed)) { addresses in
            addresses.filter { $0.family == .ipv6 } + addresses.filter { $0.family == .ipv4 }
        }
        var simulator = RaceSimulator(race: race, turn: turn, isSloppy: isSloppy)
        for (address, fate) in fates { simulator.fates[parsed(address)[0]] = fate }
        for (family, lookup) in [(AddressFamily.ipv6, aaaa), (.ipv4, a)] {
            switch lookup {
            case (let at, .found(let text))?: simulator.schedule(.answered(family, .addresses(parsed(text))), at: at)
            case (let at, .noData)?: simulator.schedule(.answered(family, .noData), at: at)
            case (let at, .error(let code))?:
                simulator.schedule(.answered(family, .failed(LookupError(code: code))), at: at)
            case nil: break
            }
        }
        for (at, event) in events { simulator.schedule(event, at: at) }
        simulator.run()
        return simulator
    }

    private func parsed(_ text: String) -> [IPAddress] {
        text.split(separator: " ").map { word in
            guard let address = IPAddress(String(word)) else { preconditionFailure("\(word) in the table") }
            return address
        }
    }
}
