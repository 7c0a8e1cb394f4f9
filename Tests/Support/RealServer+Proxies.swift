// Proxies: microsocks for SOCKS5, tinyproxy for HTTP.

extension RealServer {
    /// Starts a microsocks on 127.0.0.1.
    ///
    /// - Parameter user: who may use it, with the password "secret"; nil for everybody.
    /// - Returns: nil if microsocks isn't installed.
    package static func microsocks(user: String? = nil) throws -> RealServer? {
        try start("microsocks") { _, port in
            ["-i", "127.0.0.1", "-p", "\(port)"] + (user.map { ["-u", $0, "-P", "secret"] } ?? [])
        } answers: {
            Loopback.accepts($0)
        }
    }

    /// Starts a tinyproxy on 127.0.0.1.
    ///
    /// - Parameter user: who may use it, with the password "secret"; nil for everybody.
    /// - Returns: nil if tinyproxy isn't installed.
    package static func tinyproxy(user: String? = nil) throws -> RealServer? {
        try start("tinyproxy") { folder, port in
            try folder.write(
                "tinyproxy.conf",
                text: """
                    Port \(port)
                    Listen 127.0.0.1
                    Allow 127.0.0.1
                    \(user.map { "BasicAuth \($0) secret" } ?? "")

                    """)
            return ["-d", "-c", "\(folder.path)/tinyproxy.conf"]
        } answers: {
            Loopback.accepts($0)
        }
    }
}
