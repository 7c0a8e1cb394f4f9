// Where programs are: servers stand in sbin, which isn't in every user's PATH; what the package builds stands beside the
// test program.

import Glibc

package enum Executables {
    /// The path of a program, or nil if it isn't installed. A name with a slash is a path already.
    package static func find(_ name: String) -> String? {
        if name.contains("/") { return access(name, X_OK) == 0 ? name : nil }
        let path = getenv("PATH").map { String(cString: $0) } ?? ""
        let folders = path.split(separator: ":").map(String.init) + ["/usr/local/sbin", "/usr/sbin", "/sbin"]
        return folders.map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
    }

    /// The folder of the running test program, where everything that was built with it lies.
    package static func folder() throws -> String {
        guard let own = realpath("/proc/self/exe", nil) else { throw SupportError.system("/proc/self/exe") }
        defer { free(own) }
        return String(cString: own).split(separator: "/").dropLast().map { "/\($0)" }.joined()
    }

    /// The path of an executable of this package, built with the tests.
    package static func product(_ name: String) throws -> String {
        let path = try "\(folder())/\(name)"
        guard access(path, X_OK) == 0 else { throw SupportError("\(path) is not built") }
        return path
    }
}
