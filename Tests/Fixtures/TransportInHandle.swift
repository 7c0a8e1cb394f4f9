// Only a ticket goes through the handle's door.
import Bowline

func fixture(_ reactor: Reactor, _ transport: any Transport) {
    let handle = reactor.handle
    handle.callFromThread { _ in transport.write("hello") }
}
