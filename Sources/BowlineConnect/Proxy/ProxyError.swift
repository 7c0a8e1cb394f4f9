// Why a proxy didn't connect: one kind, one line of text.

/// Reports that a proxy didn't make the connection, and why.
///
/// ```swift
/// do throws(ProxyError) {
///     _ = try Proxy("ftp://proxy.example.com")
/// } catch {
///     print(error)        // "ftp" is no kind of proxy: write http://, https:// or socks5://
/// }
/// ```
public struct ProxyError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong.
    public enum Kind: String, Hashable, Sendable, CaseIterable {
        /// What should be a proxy can't be one.
        case badProxy
        /// It wants other credentials, or any.
        case authentication
        /// It doesn't connect to such a target.
        case forbidden
        /// It found no way to the target, or no such name.
        case unreachable
        /// The target refused the connection.
        case refused
        /// The target didn't answer it in time.
        case timedOut
        /// It failed, and doesn't say more.
        case failed
        /// It closed the connection without an answer.
        case closed
        /// It isn't a proxy of this kind.
        case malformed
    }

    /// What is wrong.
    public let kind: Kind
    /// One line.
    public let description: String

    /// Creates an error.
    public init(_ kind: Kind, _ description: String) {
        self.kind = kind
        self.description = description
    }
}
