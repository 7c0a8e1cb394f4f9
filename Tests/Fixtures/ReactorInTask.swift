// A reactor can be sent to the task that runs it, but then it is gone from here.
import Bowline

func fixture() {
    let reactor = Reactor()
    Task.detached { try reactor.run() }
    reactor.stop()
}
