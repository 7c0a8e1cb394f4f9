// What Tools/bench hands over in the environment: where the servers listen and where the programs are.

import Glibc

/// The servers and programs that comparisons run against; what isn't installed is nil.
struct Setting {
    /// A knot with the zone `*.bench.test` (A 127.0.0.1) and an nginx with `/small`, both on 127.0.0.1.
    struct Servers {
        let dnsPort: UInt16
        let httpPort: UInt16
        /// The same nginx over TLS, and the file with its certificate; nil if that could not be made.
        let secure: (port: UInt16, certificate: String)?
    }

    var servers: Servers?
    /// The folder of the limit programs in C (`cold`, `names`, `echo`, `hot`).
    var limits: String?
    /// The folder of the peers' programs.
    var peers: String?
    /// The optimised `resolve-and-fetch`.
    var command: String?

    static func fromEnvironment() -> Setting {
        func value(_ name: String) -> String? {
            getenv("BOWLINE_BENCH_\(name)").map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
        }
        var setting = Setting(limits: value("LIMITS"), peers: value("PEERS"), command: value("COMMAND"))
        if let dns = value("DNS_PORT").flatMap(UInt16.init), let http = value("HTTP_PORT").flatMap(UInt16.init) {
            var secure: (port: UInt16, certificate: String)?
            if let port = value("HTTPS_PORT").flatMap(UInt16.init), let certificate = value("CERTIFICATE") {
                secure = (port, certificate)
            }
            setting.servers = Servers(dnsPort: dns, httpPort: http, secure: secure)
        }
        return setting
    }

    /// The words that run a limit program.
    func limit(_ name: String, _ arguments: String...) -> [String] {
        ["\(limits ?? "(no limit programs)")/\(name)"] + arguments
    }

    /// The words that run a peer's program.
    func peer(_ name: String, _ arguments: String...) -> [String] {
        ["\(peers ?? "(no peers)")/\(name)"] + arguments
    }
}
