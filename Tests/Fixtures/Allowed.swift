// The control: what belongs to a reactor is used by its tasks, and other threads have the handle and tickets. It must
// compile; so what makes the other fixtures fail is what they do, and not how they are compiled.
import Bowline

func startThread(_ reactor: sending Reactor) {}

func allowed(_ log: @escaping @Sendable (Int) -> Void) {
    let reactor = Reactor()
    let deferred = Deferred<Int>()
    reactor.spawn {
        let value = try? await deferred.value
        log(value ?? 0)
    }
    let handle = reactor.handle
    let ticket = reactor.bind(deferred)
    Task.detached {
        handle.call(ticket) { deferred in deferred.callback(1) }
        handle.callFromThread { reactor in reactor.stop() }
    }
    let other = Reactor()
    let otherHandle = other.handle
    startThread(other)
    otherHandle.stop()
}
