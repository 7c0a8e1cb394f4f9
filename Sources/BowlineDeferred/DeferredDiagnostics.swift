// The registry of Deferreds that are pending, or failed and unfollowed: it finds those that a reference cycle keeps
// alive. Told by DeferredNode as each is made, fired, followed and freed, from any thread. Off by default, and then
// it costs one relaxed load for each Deferred.

public import Synchronization  // isEnabled is inlined into users

/// The list of Deferreds from which something is still expected, for finding those that never fire.
///
/// ```swift
/// DeferredDiagnostics.setEnabled(true)
/// let forgotten = Deferred<Int>()
/// for entry in DeferredDiagnostics.snapshot() {
///     print(entry)  // "Deferred<Int> made at Finger/main.swift:2: pending"
/// }
/// ```
///
/// All of it may be called from any thread. It slows down each Deferred while it is on.
public enum DeferredDiagnostics {
    /// A Deferred from which something is still expected.
    public struct Entry: Sendable, CustomStringConvertible {
        /// Its failure, that nobody waits for; `nil` while it is pending.
        public let failure: (any Error)?
        /// Where it was made.
        public let origin: CallSite
        /// Its type, as in `Deferred<Int>`.
        public let type: String

        /// What it is, where it was made, and how it stands.
        public var description: String {
            "\(type) made at \(origin): " + (failure.map { "failed, and nobody waits for it: \($0)" } ?? "pending")
        }
    }

    @usableFromInline static let enabled = Atomic<Bool>(false)
    private static let entries = Mutex<[ObjectIdentifier: Entry]>([:])

    /// Whether the list is kept; see ``setEnabled(_:)``.
    @inlinable public static var isEnabled: Bool { enabled.load(ordering: .relaxed) }

    /// Turns the list on or off, in the whole process.
    ///
    /// - Parameter isOn: Whether Deferreds that are made from now on are listed.
    public static func setEnabled(_ isOn: Bool) { enabled.store(isOn, ordering: .relaxed) }

    /// Returns the Deferreds that were made while the list was on, and are pending or failed without anybody waiting.
    ///
    /// - Returns: An entry for each, in no particular order.
    /// - Complexity: O(*n*) in the number of listed Deferreds.
    public static func snapshot() -> [Entry] { entries.withLock { Array($0.values) } }

    @usableFromInline
    static func register(_ node: DeferredNode) {
        node.flags.insert(.registered)
        update(node)
    }

    /// Lists `node` as it is now, or takes it off the list if nothing more is expected from it.
    @usableFromInline
    static func update(_ node: DeferredNode) {
        let isOpen = !node.isFired || (node.flags.isUnhandled && node.failure != nil)
        let entry = Entry(failure: node.failure, origin: node.made, type: node.kind)
        entries.withLock { $0[ObjectIdentifier(node)] = isOpen ? entry : nil }
    }

    static func unregister(_ node: DeferredNode) {
        entries.withLock { $0[ObjectIdentifier(node)] = nil }
    }
}
