// A Deferred stays on its reactor's thread: a task of its own may not have it.
import Bowline

func fixture() {
    let deferred = Deferred<Int>()
    Task { deferred.callback(1) }
    deferred.addCallback { print($0) }
}
