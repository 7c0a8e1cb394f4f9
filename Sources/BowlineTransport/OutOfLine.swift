// Room for what is seldom there, in values that are always there: one word, and a box only where there is something.

/// Holds a large value that is usually missing.
///
/// An optional is as large as its value even where there is none, and what has several of them, a fetch or a connector,
/// outgrows the 1,032 bytes up to which the allocator is quick (glibc's malloc keeps no larger piece at hand, and puts
/// all small ones together when it is asked for one). A copy costs one count instead of one for each reference inside.
@usableFromInline
package struct OutOfLine<Value> {
    // Not an indirect enum, which is the same in fewer lines: Swift 6.3 crashes on a `consuming` parameter with one inside.
    @usableFromInline
    final class Box {
        @usableFromInline let value: Value

        @inlinable
        init(_ value: Value) { self.value = value }
    }

    @usableFromInline var box: Box?

    @inlinable
    package init(_ value: Value? = nil) { box = value.map { Box($0) } }

    @inlinable
    package var value: Value? {
        get { box?.value }
        set { box = newValue.map { Box($0) } }
    }

    /// Whether there is none. Copies nothing.
    @inlinable
    package var isEmpty: Bool { box == nil }
}

extension OutOfLine: Equatable where Value: Equatable {
    @inlinable
    package static func == (left: OutOfLine, right: OutOfLine) -> Bool {
        left.box === right.box || left.value == right.value
    }
}

extension OutOfLine: Hashable where Value: Hashable {
    @inlinable
    package func hash(into hasher: inout Hasher) { hasher.combine(value) }
}

extension OutOfLine: Sendable where Value: Sendable {}
extension OutOfLine.Box: Sendable where Value: Sendable {}
