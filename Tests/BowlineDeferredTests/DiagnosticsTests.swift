import Testing

@testable import BowlineDeferred

@Suite("Diagnostics", .serialized)
struct DiagnosticsTests {
    /// The list, of those that were made at `file`: other tests run at the same time.
    private func entries(_ file: StaticString) -> [String] {
        DeferredDiagnostics.snapshot().filter { $0.origin.file == "\(file)" }.map(\.description).sorted()
    }

    @Test("the registry lists what is pending, and what failed without anybody waiting")
    func registry() throws {
        let place = "Registry.swift" as StaticString
        let unlisted = Deferred<Int>(file: place, line: 1)
        DeferredDiagnostics.setEnabled(true)
        let pending = Deferred<Int>(file: place, line: 2)
        let link = pending.addCallback(file: place, line: 3) { "\($0)" }
        let failed = Deferred<Int>(file: place, line: 4)
        let succeeded = Deferred<Int>(file: place, line: 5)
        DeferredDiagnostics.setEnabled(false)
        #expect(entries(place).count == 4)
        failed.errback(Trouble(1))
        succeeded.callback(1)
        #expect(
            entries(place) == [
                "Deferred<Int> made at Registry.swift:2: pending",
                "Deferred<Int> made at Registry.swift:4: failed, and nobody waits for it: Trouble(number: 1)",
                "Deferred<String> made at Registry.swift:3: pending",
            ])
        failed.addErrback { _ in 0 }
        pending.callback(1)
        #expect(entries(place) == [])
        withExtendedLifetime((unlisted, link)) {}
    }

    @Test("the registry finds a Deferred that a cycle keeps alive, and forgets one that is freed")
    func cycle() throws {
        let place = "Cycle.swift" as StaticString
        DeferredDiagnostics.setEnabled(true)
        weak var leaked: Deferred<Int>?
        do {
            let deferred = Deferred<Int>(file: place, line: 1)
            deferred.addCallback(file: place, line: 2) { $0 + (deferred.isFired ? 1 : 0) }
            leaked = deferred
            _ = Deferred<Int>(file: place, line: 3)
        }
        DeferredDiagnostics.setEnabled(false)
        #expect(
            entries(place) == [
                "Deferred<Int> made at Cycle.swift:1: pending", "Deferred<Int> made at Cycle.swift:2: pending",
            ])
        leaked?.callback(1)
        #expect(entries(place) == [])
        #expect(leaked == nil)
    }
}
