// What was sent to its thread is used through its handle.
import Bowline

func startThread(_ reactor: sending Reactor) {}

func fixture() {
    let reactor = Reactor()
    startThread(reactor)
    reactor.callLater(.seconds(1)) {}
}
