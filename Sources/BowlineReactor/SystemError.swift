// A failed system call as a value: typed, so that throwing it costs no allocation on hot paths.

import Glibc

/// Reports that a system call failed: its errno and its name.
///
/// ```swift
/// import Glibc    // EMFILE
///
/// do {
///     try reactor.run()
/// } catch let error as SystemError where error.code == EMFILE {
///     print("too many open files:", error)
/// }
/// ```
public struct SystemError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The errno value.
    public let code: CInt
    /// The C function that failed.
    public let call: String

    /// Creates the error of the call named `call` that failed with the errno `code`.
    public init(_ code: CInt, _ call: String) {
        self.code = code
        self.call = call
    }

    /// One line, as in `connect: Connection refused`.
    public var description: String { "\(call): \(Self.text(of: code))" }

    /// The system's text for an errno value, such as "Connection refused".
    public static func text(of code: CInt) -> String {
        // strerror_r of Glibc's default feature set returns an int and fills the buffer (XSI), or a pointer (GNU):
        // strerrordesc_np would be neither, but is not imported; strerror's only fault is a shared buffer for
        // *unknown* numbers, and those are answered here.
        guard code > 0, code < 134 else { return "error \(code)" }
        return String(cString: strerror(code))
    }
}
