// A reactor that is still used here can't go to another actor.
import Bowline

actor Keeper {
    var reactor: Reactor?
    func keep(_ reactor: Reactor) { self.reactor = reactor }
}

func fixture(_ keeper: Keeper) async {
    let reactor = Reactor()
    await keeper.keep(reactor)
    reactor.stop()
}
