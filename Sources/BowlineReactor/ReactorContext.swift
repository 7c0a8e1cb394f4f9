// What makes the compiler's idea of an isolation domain out of a reactor's thread. Used by `spawn` alone.

/// The isolation domain of one reactor. Each reactor has its own, so two reactors are two domains to the compiler.
actor ReactorContext {
    nonisolated let executor: ReactorExecutor
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    init(_ executor: ReactorExecutor) { self.executor = executor }

    func run(_ body: nonisolated(nonsending) @escaping () async -> Void) async { await body() }
}
