// What is sent to the pool may not be used here any more.
import Bowline

func fixture(_ reactor: Reactor) {
    let call = reactor.callLater(.seconds(1)) {}
    reactor.deferToThread { call.cancel() }
}
