// The questions that the transports ask of every event, on the bits. `contains` and `isDisjoint` of a literal go through
// the standard library's generic sets, unspecialised across modules: 5 % of an echo server's time.

import BowlineReactor

extension Readiness {
    var isReadable: Bool { rawValue & 1 != 0 }
    var isWritable: Bool { rawValue & 2 != 0 }
    /// An error or a hang-up.
    var isTroubled: Bool { rawValue & (4 | 8) != 0 }
}
