// The lists that a lookup stands in while it waits: for its deadline, for its question, in a question. Virtual time.

import Bowline
import BowlineTesting
import Testing

@testable import BowlineNames

@Suite("The lookups that wait")
struct LookupLineTests {
    @Test("each ends at its own deadline, in the order of the deadlines and then of asking, with one timer for all")
    func deadlines() async throws {
        let (log, timers, left) = try await Reactor.run { reactor in
            let clock = ManualClock()
            let server = try FakeDNSServer(reactor: reactor) { _ in .drop }
            let resolver = DNSResolver(reactor, asking: server.address, clock: clock) { $0.timeout = .seconds(100) }
            var log: [String] = []
            let began = clock.now
            var all: [Deferred<Void>] = []
            let before = clock.delayedCalls.count
            for (index, seconds) in [10, 3, 10, 1, 3, 20].enumerated() {
                let timeout = Duration.seconds(seconds)
                all.append(
                    resolver.lookup("h\(index).test", types: [.a], timeout: timeout).addBoth { _ in
                        log.append("\(index) after \((clock.now - began) / .seconds(1))")
                    })
            }
            // The other is the server's.
            let timers = clock.delayedCalls.count - before
            for _ in 0..<30 { clock.advance(by: .seconds(1)) }
            return (log, timers, all.count { !$0.isFired })
        }
        #expect(
            log == [
                "3 after 1.0", "1 after 3.0", "4 after 3.0", "0 after 10.0", "2 after 10.0", "5 after 20.0",
            ])
        #expect(timers == 2)
        #expect(left == 0)
    }

    @Test("of those with the same deadline the first to ask ends first, whoever with more patience has left meanwhile")
    func ties() async throws {
        let (log, haveEnded) = try await Reactor.run { reactor in
            let clock = ManualClock()
            let server = try FakeDNSServer(reactor: reactor) { _ in .drop }
            let resolver = DNSResolver(reactor, asking: server.address, clock: clock) { $0.timeout = .seconds(100) }
            var log: [Int] = []
            func ask(_ number: Int, _ seconds: Int) -> Deferred<Void> {
                resolver.lookup("h\(number).test", types: [.a], timeout: .seconds(seconds)).addBoth { _ in
                    log.append(number)
                }
            }
            let patient = [ask(0, 10), ask(1, 20)]
            var others = [ask(2, 5), ask(3, 4), ask(4, 5)]
            for deferred in patient { deferred.cancel() }
            others += [ask(5, 5), ask(6, 4), ask(7, 6), ask(8, 5)]
            log = []
            for _ in 0..<6 { clock.advance(by: .seconds(1)) }
            return (log, others.allSatisfy(\.isFired))
        }
        #expect(haveEnded)
        #expect(log == [3, 6, 2, 4, 5, 8, 7])
    }

    @Test("when none waits any more there is no timer, and who gives up isn't told of the deadline")
    func quiet() async throws {
        let (patient, calls) = try await Reactor.run { reactor in
            let clock = ManualClock()
            let line = LookupLine(of: clock, clock: clock)
            let request = LookupRequest("h.test", types: [.a], timeout: .seconds(5))
            let server = ScriptedServer(1)
            let waiting = (0..<200).map { index in
                let name = DomainName(canonical: "h\(index).test")
                let lookup = Lookup(name, request, at: clock.now, in: line, onAnswer: nil)
                let key = Question.Key(name: name, type: .a)
                lookup.await(Question(key, order: ServerOrder(servers: [server]), at: clock.now, owner: EndLog(clock)))
                return lookup.begin()
            }
            var ended = 0
            for deferred in waiting {
                deferred.addErrback { _ in LookupAnswer(name: nil, questions: [], elapsed: .zero) }
                    .addCallback { _ in ended += 1 }
            }
            for deferred in waiting[50...] { deferred.cancel() }
            clock.advance(by: .seconds(3))
            let patient = 200 - ended
            for deferred in waiting[..<50] { deferred.cancel() }
            return (
                patient, clock.delayedCalls.filter { $0.deadline == ReactorInstant(nanoseconds: 0) + .seconds(5) }.count
            )
        }
        #expect(patient == 50)
        #expect(calls == 0)
    }

    @Test("a question is found by name and type as long as it is in the table, however many there are")
    func table() {
        let clock = ManualClock()
        let table = QuestionTable()
        var model: [Question.Key: Question] = [:]
        var generator = SeededGenerator(state: 5)
        for _ in 0..<5_000 {
            let number = Int.random(in: 0..<400, using: &generator)
            let type: RecordType = Bool.random(using: &generator) ? .a : .aaaa
            let key = Question.Key(name: DomainName(canonical: "h\(number).test"), type: type)
            if let known = table.find(key.name, key.type) {
                #expect(known === model[key])
                table.remove(known)
                model[key] = nil
            } else {
                #expect(model[key] == nil)
                let question = Question(key, order: ServerOrder(servers: []), at: clock.now, owner: EndLog(clock))
                table.insert(question)
                model[key] = question
            }
        }
        #expect(table.count == model.count)
        #expect(Set(table.all.map(\.key)) == Set(model.keys))
        table.removeAll()
        #expect(table.all.isEmpty)
    }

    @Test("who is over before its turn in a server's line is passed over, and what is asked anew comes before all")
    func queryLine() {
        let clock = ManualClock()
        let questions = ["a.test", "b.test", "a.test", "a.test"].map { host in
            Question(
                Question.Key(name: DomainName(canonical: host), type: .a), order: ServerOrder(servers: []),
                at: clock.now, owner: EndLog(clock))
        }
        var line = QueryLine()
        #expect(questions.map { line.takesTurn($0) } == [true, true, false, false])
        line.append(questions[0])
        line.append(questions[1])
        line.appendAgain(ServerQuery(for: questions[1]))
        #expect(line.count == 3 && line.allOwners.count == 4 && line.allAgain.count == 1)
        #expect(line.popAgain() != nil && line.popAgain() == nil)
        #expect(line.popFirst() === questions[0])
        questions[2].abandon()
        #expect(line.passTurn(of: questions[0].key.name) === questions[3])
        #expect(line.passTurn(of: questions[0].key.name) == nil)
        #expect(line.popFirst() === questions[1] && line.isEmpty)
    }

    @Test("a list of mostly one behaves like an array")
    func shortList() {
        var list = ShortList<Int>()
        var array: [Int] = []
        var generator = SeededGenerator(state: 7)
        for number in 0..<500 {
            if !array.isEmpty, Bool.random(using: &generator) {
                let index = Int.random(in: array.indices, using: &generator)
                #expect(list.remove(at: index) == array.remove(at: index))
            } else {
                list.append(number)
                array.append(number)
            }
            if let last = array.indices.last {
                list[last] += 1
                array[last] += 1
            }
            #expect(Array(list) == array)
        }
    }
}
