// Registering descriptors: the inner door, which the toolkit's own transports use, and the public one, through which
// any other library's sockets join the loop.

import Glibc

// MARK: the toolkit's own

extension Reactor {
    /// Watches `descriptor` for `interest` and tells `handler`, which is kept alive until `deregister`.
    package func register(
        _ descriptor: Int32, _ interest: Interest, _ handler: any DescriptorHandler
    ) throws(SystemError) {
        let poller = try openPoller()
        if descriptors.isRegistered(descriptor) { try dropForeign(descriptor, poller) }
        let token = descriptors.enter(handler, at: descriptor, interest)
        do {
            try poller.add(descriptor, interest, token: token)
        } catch {
            _ = descriptors.leave(descriptor)
            throw error
        }
    }

    /// Lets go of a foreign descriptor whose owner has closed it without saying so, and whose number is somebody else's now.
    ///
    /// - Throws: EEXIST if it is still open, and registered.
    private func dropForeign(_ descriptor: Int32, _ poller: any Poller) throws(SystemError) {
        guard let former = descriptors.handler(at: descriptor) as? ForeignAdapter else { return }
        let token = descriptors.token(of: descriptor)
        // The kernel has forgotten what was closed.
        if (try? poller.modify(descriptor, former.interest, token: token)) != nil {
            throw SystemError(EEXIST, "register")
        }
        drop(former)
        callLater(.zero) { former.owner.connectionLost(SystemError(EBADF, "register")) }
    }

    /// Passes a registration on to another handler, with another interest: a dial that succeeded becomes a connection.
    package func reassign(_ descriptor: Int32, _ interest: Interest, to handler: any DescriptorHandler) {
        descriptors.replaceHandler(at: descriptor, with: handler)
        setInterest(interest, of: descriptor)
    }

    /// Changes what is waited for; no system call if it is that already.
    package func setInterest(_ interest: Interest, of descriptor: Int32) {
        guard descriptors.isRegistered(descriptor), descriptors.setInterest(interest, of: descriptor) else { return }
        // Can't fail for a registered, open descriptor but for want of kernel memory, and then the next change tries
        // again.
        try? poller?.modify(descriptor, interest, token: descriptors.token(of: descriptor))
    }

    /// Forgets `descriptor`, which must still be open. Does nothing if it isn't registered.
    package func deregister(_ descriptor: Int32) {
        guard descriptors.leave(descriptor) else { return }
        poller?.remove(descriptor)
    }

    /// Forgets `descriptor`, which is about to be closed and has no duplicate: the kernel drops its registration with
    /// it, and a system call is saved.
    package func deregisterBeforeClose(_ descriptor: Int32) {
        guard descriptors.leave(descriptor) else { return }
        if kind == .poll { poller?.remove(descriptor) }
    }

    /// How many descriptors are registered, besides the reactor's own.
    package var descriptorCount: Int { descriptors.count }

    /// The registrations, by descriptor. Complexity: O(highest descriptor).
    package var registrations: [(descriptor: Int32, handler: any DescriptorHandler)] {
        descriptors.descriptors.compactMap { descriptor in
            descriptors.handler(at: descriptor).map { (descriptor, $0) }
        }
    }
}

// MARK: everybody else's

/// A descriptor of another library that joins the loop.
///
/// ```swift
/// final class Watch: ReactorDescriptor {
///     let fileDescriptor: Int32 = 0
///     func readReady() { print("something to read on standard input") }
///     func connectionLost(_ reason: any Error) { print("the loop let go:", reason) }
/// }
/// try reactor.addReader(Watch())
/// ```
/// Readiness is level-triggered: it is told again in each turn until it is used up. Errors and hang-ups are told as
/// readiness of whatever is waited for.
public protocol ReactorDescriptor: AnyObject {
    /// The descriptor; asked when it is added, never after it was removed. -1 if it is gone.
    var fileDescriptor: Int32 { get }

    /// There is something to read, or an error to find by reading. Does nothing by default.
    func readReady()

    /// There is room to write, or an error to find by writing. Does nothing by default.
    func writeReady()

    /// The reactor has let go of the descriptor without being asked: it stops, or the descriptor is invalid. Closing it
    /// is the owner's.
    func connectionLost(_ reason: any Error)
}

extension ReactorDescriptor {
    /// Does nothing.
    public func readReady() {}

    /// Does nothing.
    public func writeReady() {}
}

/// The foreign descriptors of one reactor, by the object that was added.
struct ForeignDescriptors {
    var adapters: [ObjectIdentifier: ForeignAdapter] = [:]
}

/// Stands between the table and a foreign descriptor.
final class ForeignAdapter: DescriptorHandler {
    let owner: any ReactorDescriptor
    let descriptor: Int32
    var interest: Interest
    unowned let reactor: Reactor

    init(_ owner: any ReactorDescriptor, _ descriptor: Int32, _ interest: Interest, _ reactor: Reactor) {
        self.owner = owner
        self.descriptor = descriptor
        self.interest = interest
        self.reactor = reactor
    }

    func descriptorReady(_ readiness: Readiness) {
        if readiness.contains(.invalid) {
            reactor.drop(self)
            owner.connectionLost(SystemError(EBADF, "poll"))
            return
        }
        let isTroubled = readiness.isTroubled
        if interest.contains(.read), isTroubled || readiness.isReadable { owner.readReady() }
        // What was read may have made the owner leave, or wait for something else.
        if interest.contains(.write), isTroubled || readiness.isWritable { owner.writeReady() }
    }

    func reactorStopped() {
        interest = []
        reactor.foreign.adapters[ObjectIdentifier(owner)] = nil
        owner.connectionLost(ReactorStopped())
    }
}

extension Reactor {
    /// Tells `descriptor` when it can be read. Adding it again does nothing.
    /// - Throws: the `SystemError` of the poller; a regular file can't be polled (EPERM), and of two objects with the same
    ///   descriptor only one can be told (EEXIST).
    public func addReader(_ descriptor: any ReactorDescriptor) throws(SystemError) {
        try extend(descriptor, by: .read)
    }

    /// Tells `descriptor` when it can be written. Adding it again does nothing.
    /// - Throws: as `addReader` does.
    public func addWriter(_ descriptor: any ReactorDescriptor) throws(SystemError) {
        try extend(descriptor, by: .write)
    }

    /// Stops telling `descriptor` that it can be read. Does nothing if it wasn't told.
    public func removeReader(_ descriptor: any ReactorDescriptor) {
        reduce(descriptor, by: .read)
    }

    /// Stops telling `descriptor` that it can be written. Does nothing if it wasn't told.
    public func removeWriter(_ descriptor: any ReactorDescriptor) {
        reduce(descriptor, by: .write)
    }

    /// Lets go of every foreign descriptor and returns them; none is told.
    @discardableResult
    public func removeAll() -> [any ReactorDescriptor] {
        let adapters = Array(foreign.adapters.values)
        for adapter in adapters { drop(adapter) }
        return adapters.map(\.owner)
    }

    /// The foreign descriptors that are told when they can be read.
    public var readers: [any ReactorDescriptor] {
        foreign.adapters.values.filter { $0.interest.contains(.read) }.map(\.owner)
    }

    /// The foreign descriptors that are told when they can be written.
    public var writers: [any ReactorDescriptor] {
        foreign.adapters.values.filter { $0.interest.contains(.write) }.map(\.owner)
    }

    private func extend(_ owner: any ReactorDescriptor, by addition: Interest) throws(SystemError) {
        if let adapter = foreign.adapters[ObjectIdentifier(owner)] {
            adapter.interest.formUnion(addition)
            setInterest(adapter.interest, of: adapter.descriptor)
            return
        }
        let descriptor = owner.fileDescriptor
        guard descriptor >= 0 else {
            owner.connectionLost(SystemError(EBADF, "fileDescriptor"))
            return
        }
        let adapter = ForeignAdapter(owner, descriptor, addition, self)
        try register(descriptor, addition, adapter)
        foreign.adapters[ObjectIdentifier(owner)] = adapter
    }

    private func reduce(_ owner: any ReactorDescriptor, by removal: Interest) {
        guard let adapter = foreign.adapters[ObjectIdentifier(owner)] else { return }
        let remaining = adapter.interest.subtracting(removal)
        if remaining.isEmpty {
            drop(adapter)
        } else {
            adapter.interest = remaining
            setInterest(remaining, of: adapter.descriptor)
        }
    }

    func drop(_ adapter: ForeignAdapter) {
        adapter.interest = []
        foreign.adapters[ObjectIdentifier(adapter.owner)] = nil
        deregister(adapter.descriptor)
    }
}
