// `--inspect ADDR:PORT`: the inspector's page while a run goes on. The run doesn't wait for whoever looks.

import ArgumentParser
import Bowline

struct InspectOptions: ParsableArguments {
    @Option(
        name: .customLong("inspect"), parsing: .unconditional,
        help: ArgumentHelp(
            "Serve a page that shows names, servers and connections while the run goes on; port 0 lets the system choose.",
            valueName: "addr:port"))
    var address: InspectArgument?

    @Option(
        name: .customLong("inspect-token"), parsing: .unconditional,
        help: ArgumentHelp(
            "What has to be presented to flush, and to see anything where --inspect isn't a loopback address.",
            valueName: "token"))
    var token: String?

    @Option(
        name: .customLong("inspect-cert"), parsing: .unconditional,
        help: ArgumentHelp("Serve that page over TLS with this chain of certificates (PEM).", valueName: "file"))
    var certificate: String?

    @Option(
        name: .customLong("inspect-key"), parsing: .unconditional,
        help: ArgumentHelp("The key of --inspect-cert (PEM).", valueName: "file"))
    var key: String?

    @Option(
        name: .customLong("inspect-name"), parsing: .unconditionalSingleValue,
        help: ArgumentHelp(
            "A name that page goes by, besides localhost and those of --inspect-cert that are no wildcards (repeatable).",
            valueName: "name"))
    var names: [String] = []

    func validate() throws {
        if !names.isEmpty, address == nil { throw ValidationError("--inspect-name is nothing without --inspect.") }
        if token != nil, address == nil { throw ValidationError("--inspect-token is nothing without --inspect.") }
        if (certificate == nil) != (key == nil) {
            throw ValidationError("--inspect-cert and --inspect-key go together.")
        }
        if certificate != nil, address == nil { throw ValidationError("--inspect-cert is nothing without --inspect.") }
    }

    /// Serves the page if it is wanted, and tells on stderr where.
    func serve(on reactor: Reactor) throws {
        guard let address else { return }
        let tls = try context(reactor)
        do throws(InspectorError) {
            let inspector = try reactor.serveInspector(on: address.address, token: token, tls: tls, names: names)
            Console.log("inspector: \(inspector.url)")
        } catch {
            throw ValidationError("--inspect: \(error).")
        }
    }

    private func context(_ reactor: Reactor) throws -> TLSContext? {
        guard let certificate, let key else { return nil }
        let identity = TLSIdentity(certificateFile: certificate, keyFile: key)
        do {
            return try TLSContext(server: TLSServerConfiguration(identity), clock: reactor)
        } catch {
            throw ValidationError("--inspect-cert: \(error).")
        }
    }
}

/// `ADDR:PORT`, `[v6]:PORT`.
struct InspectArgument: ExpressibleByArgument {
    let address: SocketAddress

    init?(argument: String) {
        guard let colon = argument.lastIndex(of: ":") else { return nil }
        let digits = argument[argument.index(after: colon)...]
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = UInt16(digits) else {
            return nil
        }
        let host = argument[..<colon]
        let address: IPAddress? =
            host.hasPrefix("[") && host.hasSuffix("]")
            ? IPv6Address(String(host.dropFirst().dropLast())).map { .v6($0) }
            : IPv4Address(String(host)).map { .v4($0) }
        guard let address else { return nil }
        self.address = .ip(address, port: port)
    }
}
