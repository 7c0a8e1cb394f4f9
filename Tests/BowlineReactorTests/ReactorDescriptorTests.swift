// Descriptors on the loop: other libraries' through addReader and addWriter, and the toolkit's own registrations.

import BowlineReactor
import Glibc
import TestSupport
import Testing

@Suite("Descriptors of a reactor")
struct ReactorDescriptorTests {
    @Test("readers and writers are told until they leave, and can be listed", arguments: bothPollers)
    func addAndRemove(_ kind: PollerKind) async throws {
        let lines = try await run(kind) { reactor, log in
            let pair = SocketPair()
            let watch = Watch(pair.near)
            func listed() -> String { "\(reactor.readers.count) \(reactor.writers.count)" }
            var writes = 0
            watch.onWrite = {
                writes += 1
                if writes == 3 {
                    reactor.removeWriter(watch)
                    log("written 3 times, listed \(listed())")
                    pair.send("hello")
                }
            }
            watch.onRead = {
                log("read \(pair.receive())")
                reactor.removeReader(watch)
                reactor.removeReader(watch)
                log("listed \(listed())")
                pair.send("unheard")
                reactor.callLater(.milliseconds(2)) { reactor.stop() }
            }
            try reactor.addReader(watch)
            try reactor.addReader(watch)
            try reactor.addWriter(watch)
            log("listed \(listed())")
        }
        #expect(lines == ["listed 1 1", "written 3 times, listed 1 0", "read hello", "listed 0 0"])
    }

    @Test("the descriptor's number is asked once, and never after removal", arguments: bothPollers)
    func askedOnce(_ kind: PollerKind) async throws {
        let lines = try await run(kind) { reactor, log in
            let pair = SocketPair()
            let watch = Watch(pair.near)
            try reactor.addReader(watch)
            try reactor.addWriter(watch)
            watch.onWrite = {
                reactor.removeWriter(watch)
                reactor.removeReader(watch)
                pair.closeNear()
                reactor.callLater(.zero) { reactor.stop() }
            }
            reactor.addSystemEventTrigger(.after, .shutdown) { log("asked \(watch.asked), lost \(watch.lost)") }
        }
        #expect(lines == ["asked 1, lost 0"])
    }

    @Test("of two objects with one descriptor the second is refused, and the first goes on", arguments: bothPollers)
    func twice(_ kind: PollerKind) async throws {
        let lines = try await run(kind) { reactor, log in
            let pair = SocketPair()
            let (first, second) = (Watch(pair.near), Watch(pair.near))
            first.onRead = {
                log("read \(pair.receive())")
                reactor.stop()
            }
            try reactor.addReader(first)
            do {
                try reactor.addWriter(second)
            } catch let error as SystemError {
                log("\(error.code == EEXIST), \(reactor.writers.count) writers")
            }
            pair.send("hello")
        }
        #expect(lines == ["true, 0 writers", "read hello"])
    }

    @Test(
        "a descriptor that was closed without a word and came back for somebody else is let go of, and its owner told")
    func closedSilently() async throws {
        let lines = try await run(.epoll) { reactor, log in
            let pair = SocketPair()
            let other = SocketPair()
            let former = Watch(pair.near)
            try reactor.addReader(former)
            // Closes one and puts the other in its place, in one step: no other test gets the number in between.
            let isReplaced = dup2(other.near, pair.near) == pair.near
            let next = Watch(pair.near)
            next.onRead = {
                log("read \(pair.receive()), the other lost \(former.lost)")
                reactor.removeReader(next)
                reactor.stop()
            }
            try reactor.addReader(next)
            log("\(isReplaced), readers \(reactor.readers.count)")
            reactor.callLater(.zero) { other.send("x") }
        }
        #expect(lines == ["true, readers 1", "read x, the other lost 1"])
    }

    @Test("removeAll returns every foreign descriptor and nothing of the reactor's own", arguments: bothPollers)
    func removeAll(_ kind: PollerKind) async throws {
        let told = try await onThread {
            let reactor = Reactor(poller: kind)
            let pairs = (0..<5).map { _ in SocketPair() }
            let watches = pairs.map { Watch($0.near) }
            var told = 0
            reactor.callWhenRunning {
                for (place, watch) in watches.enumerated() {
                    watch.onRead = { told += 1 }
                    do {
                        if place % 2 == 0 { try reactor.addReader(watch) } else { try reactor.addWriter(watch) }
                    } catch {
                        Issue.record(error)
                    }
                }
                let all = reactor.removeAll()
                #expect(Set(all.map { ObjectIdentifier($0) }) == Set(watches.map { ObjectIdentifier($0) }))
                #expect(reactor.removeAll().isEmpty && reactor.readers.isEmpty && reactor.writers.isEmpty)
                for pair in pairs { pair.send() }
                reactor.callLater(.milliseconds(1)) { reactor.stop() }
            }
            try reactor.run()
            return told + watches.reduce(0) { $0 + $1.lost }
        }
        #expect(told == 0)
    }

    @Test("a descriptor of -1 is refused with connectionLost", arguments: bothPollers)
    func minusOne(_ kind: PollerKind) async throws {
        let lines = try await run(kind) { reactor, log in
            let watch = Watch(-1)
            try reactor.addReader(watch)
            try reactor.addWriter(watch)
            log("lost \(watch.lost): \((watch.reason as? SystemError)?.code == EBADF), listed \(reactor.readers.count)")
            reactor.stop()
        }
        #expect(lines == ["lost 2: true, listed 0"])
    }

    @Test("a regular file is refused, and nothing of it is kept", arguments: bothPollers)
    func regularFile(_ kind: PollerKind) throws {
        let file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC)
        defer { close(file) }
        let reactor = Reactor(poller: kind)
        let watch = Watch(file)
        #expect { try reactor.addReader(watch) } throws: { ($0 as? SystemError)?.code == EPERM }
        #expect(reactor.readers.isEmpty && reactor.descriptorCount == 0)
    }

    @Test("a descriptor that was closed behind poll's back is let go of, not spun on")
    func closedBehind() async throws {
        let lines = try await run(.poll) { reactor, log in
            let pair = SocketPair()
            // A high number, which no other test opens meanwhile.
            let descriptor = fcntl(pair.near, F_DUPFD, 900)
            let watch = Watch(descriptor) { log("lost") }
            try reactor.addReader(watch)
            reactor.callWhenRunning { close(descriptor) }
            reactor.callLater(.milliseconds(5)) {
                log("few turns: \(reactor.turnCount < 10)")
                reactor.stop()
            }
        }
        #expect(lines == ["lost", "few turns: true"])
    }

    @Test("an error or a hang-up is told as readiness of whatever is waited for", arguments: bothPollers)
    func hangUp(_ kind: PollerKind) async throws {
        let lines = try await run(kind) { reactor, log in
            let reading = SocketPair()
            let reader = Watch(reading.near)
            reader.onRead = {
                log("read: \(reading.receive().isEmpty)")
                reactor.removeReader(reader)
            }
            try reactor.addReader(reader)
            reading.closeFar()
            var ends: [Int32] = [-1, -1]
            pipe(&ends)
            let writing = ends[1]
            // Full, so that only the error can be what is told.
            _ = fcntl(writing, F_SETFL, O_NONBLOCK)
            let bytes = [UInt8](repeating: 0, count: 1 << 16)
            while write(writing, bytes, bytes.count) > 0 {}
            let writer = Watch(writing)
            writer.onWrite = {
                log("write")
                reactor.removeWriter(writer)
                close(writing)
                reactor.stop()
            }
            try reactor.addWriter(writer)
            reactor.callLater(.milliseconds(1)) { close(ends[0]) }
        }
        #expect(lines == ["read: true", "write"])
    }

    @Test("of one event, what the read removed is not told to write", arguments: bothPollers)
    func removedWithin(_ kind: PollerKind) async throws {
        let lines = try await run(kind) { reactor, log in
            let pair = SocketPair()
            pair.send()
            let watch = Watch(pair.near)
            watch.onRead = {
                log("read \(pair.receive())")
                reactor.removeWriter(watch)
                reactor.removeReader(watch)
                reactor.callLater(.zero) { reactor.stop() }
            }
            watch.onWrite = { log("never") }
            try reactor.addReader(watch)
            try reactor.addWriter(watch)
        }
        #expect(lines == ["read x"])
    }

    @Test("an event for a descriptor that was closed and reused in its batch is dropped", arguments: bothPollers)
    func reused(_ kind: PollerKind) async throws {
        let lines = try await run(kind) { reactor, log in
            let pairs = [SocketPair(), SocketPair()]
            for pair in pairs { pair.send() }
            let watches = pairs.map { Watch($0.near) }
            var others: [SocketPair] = []
            for (own, other) in [(0, 1), (1, 0)] {
                watches[own].onRead = {
                    // Both are readable in this batch: the first that is told closes the other, whose number comes back
                    // for a pair that has nothing to read.
                    log("read \(pairs[own].receive())")
                    let number = pairs[other].near
                    reactor.removeReader(watches[other])
                    pairs[other].closeNear()
                    let reborn = SocketPair()
                    others.append(reborn)
                    log("reused: \(reborn.near == number)")
                    let fresh = Watch(reborn.near)
                    fresh.onRead = {
                        log("never")
                        reactor.stop()
                    }
                    do { try reactor.addReader(fresh) } catch { Issue.record(error) }
                    reactor.callLater(.milliseconds(2)) { reactor.stop() }
                }
                try reactor.addReader(watches[own])
            }
        }
        #expect(lines == ["read x", "reused: true"] || lines == ["read x", "reused: false"])
    }

    @Test("the tokens of a descriptor's registrations differ")
    func generations() throws {
        var seen: Set<UInt64> = []
        final class Silent: DescriptorHandler {
            func descriptorReady(_ readiness: Readiness) {}
            func reactorStopped() {}
        }
        var table = DescriptorTable()
        for _ in 0..<100 {
            let handler = Silent()
            let token = table.enter(handler, at: 5, .read)
            #expect(table.handler(for: token) === handler)
            #expect(seen.insert(token).inserted)
            #expect(seen.filter { table.handler(for: $0) != nil }.count == 1)
            let other = Silent()
            table.replaceHandler(at: 5, with: other)
            #expect(table.handler(for: token) === other)
            let left = table.leave(5), leftAgain = table.leave(5)
            #expect(left && !leftAgain)
            #expect(table.handler(for: token) == nil)
        }
        #expect(table.handler(for: 1 << 32 | 99_999) == nil)
    }

    @Test("an interest that is there already costs no system call; a changed one counts")
    func interests() {
        final class Silent: DescriptorHandler {
            func descriptorReady(_ readiness: Readiness) {}
            func reactorStopped() {}
        }
        var table = DescriptorTable()
        _ = table.enter(Silent(), at: 70, .read)
        _ = table.enter(Silent(), at: 3, [])
        let same = table.setInterest(.read, of: 70), changed = table.setInterest([.read, .write], of: 70)
        #expect(!same && changed)
        #expect(table.interest(of: 70) == [.read, .write] && table.interest(of: 4) == [])
        #expect(table.descriptors == [3, 70] && table.count == 2)
        #expect(!table.isRegistered(-1) && !table.isRegistered(100_000))
    }

    @Test("every descriptor is told that the reactor stops, whatever the others do", arguments: bothPollers)
    func allTold(_ kind: PollerKind) async throws {
        let lines = try await run(kind) { reactor, log in
            let pairs = (0..<4).map { _ in SocketPair() }
            var watches: [Watch] = []
            for (place, pair) in pairs.enumerated() {
                let watch = Watch(pair.near) {
                    log("lost \(place): \(watches[place].reason is ReactorStopped)")
                    reactor.removeReader(watches[place])
                    reactor.stop()
                    pairs[place].closeNear()
                }
                watches.append(watch)
                try reactor.addReader(watch)
            }
            reactor.stop()
        }
        #expect(lines.sorted() == (0..<4).map { "lost \($0): true" })
    }
}
