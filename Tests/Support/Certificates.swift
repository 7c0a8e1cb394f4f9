// Certificates made by the openssl command for the length of a test: an authority, an intermediate one below it, and
// certificates of servers, good and bad.

import Glibc
import Synchronization

package final class Certificates: Sendable {
    /// A certificate, with what its server sends behind it, and its key.
    package struct Pair: Sendable {
        package let certificate: String
        package let key: String
    }

    /// How a certificate is made.
    package struct Recipe {
        /// Who signs.
        package enum Issuer {
            case root, intermediate, itself, stranger
        }

        package var names: [String]
        package var issuer = Issuer.root
        /// As `openssl ca` takes them: YYYYMMDDHHMMSSZ.
        package var start = "20240101000000Z"
        package var end = "20991231235959Z"
        /// What the server sends, in this order.
        package var sends: [Link] = [.own]

        package enum Link {
            case own, intermediate, root
        }

        /// - Parameter names: as OpenSSL writes alternative names: `DNS:h.test`, `IP:127.0.0.1`.
        package init(_ names: String...) { self.names = names }
    }

    package let folder: TemporaryFolder
    /// The file of the authority's own certificate.
    package var root: String { "\(folder.path)/root.pem" }
    package var intermediate: String { "\(folder.path)/intermediate.pem" }
    private let count = Atomic<Int>(0)

    /// One authority for all tests of a process, whose files go when it ends.
    package static func shared() throws -> Certificates { try made.get() }

    private static let made: Result<Certificates, any Error> = Result {
        let certificates = try Certificates()
        atexit { _ = try? Subprocess.run("/bin/rm", ["-rf", Certificates.shared().folder.path]) }
        return certificates
    }

    /// Whether there is an openssl command.
    package static var canBeMade: Bool { Executables.find("openssl") != nil }

    package init() throws {
        folder = try TemporaryFolder()
        for name in ["root", "stranger"] {
            try makeKey(name)
            try run([
                "req", "-x509", "-new", "-key", "\(name).key", "-out", "\(name).pem", "-days", "3650", "-subj",
                "/CN=Bowline \(name)", "-addext", "basicConstraints=critical,CA:TRUE", "-addext",
                "keyUsage=critical,keyCertSign,cRLSign",
            ])
        }
        try makeKey("intermediate")
        try sign(
            "intermediate", subject: "/CN=Bowline intermediate", issuer: "root",
            extensions: "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign",
            start: "20240101000000Z", end: "20991231235959Z")
    }

    /// Makes a certificate for a server.
    package func make(_ recipe: Recipe) throws -> Pair {
        let name = "leaf\(count.add(1, ordering: .relaxed).newValue)"
        try makeKey(name)
        let issuer: String =
            switch recipe.issuer {
            case .root: "root"
            case .intermediate: "intermediate"
            case .stranger: "stranger"
            case .itself: name
            }
        let first = recipe.names.first.flatMap { $0.split(separator: ":", maxSplits: 1).last } ?? "nobody"
        try sign(
            name, subject: "/CN=\(first.map { $0 == "*" ? "wildcard" : String($0) }.joined())", issuer: issuer,
            extensions: "subjectAltName=\(recipe.names.joined(separator: ","))", start: recipe.start, end: recipe.end)
        let chain = recipe.sends.map { link in
            switch link {
            case .own: folder.read("\(name).pem")
            case .intermediate: folder.read("intermediate.pem")
            case .root: folder.read("root.pem")
            }
        }
        let file = try folder.write("\(name)-chain.pem", text: chain.joined())
        return Pair(certificate: file, key: "\(folder.path)/\(name).key")
    }

    /// Makes a certificate for a server of these names, signed by the authority.
    package func make(for names: String...) throws -> Pair {
        var recipe = Recipe()
        recipe.names = names
        return try make(recipe)
    }

    private func makeKey(_ name: String) throws {
        try run(["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "\(name).key"])
    }

    private func sign(
        _ name: String, subject: String, issuer: String, extensions: String, start: String, end: String
    ) throws {
        try folder.write("index-\(name)", text: "")
        try folder.write(
            "\(name).cnf",
            text: """
                [ca]
                default_ca = here
                [here]
                database = index-\(name)
                new_certs_dir = .
                rand_serial = yes
                default_md = sha256
                policy = anything
                x509_extensions = extensions
                [anything]
                commonName = supplied
                [extensions]
                \(extensions)

                """)
        try run(["req", "-new", "-key", "\(name).key", "-subj", subject, "-out", "\(name).csr"])
        let signer =
            issuer == name
            ? ["-selfsign", "-keyfile", "\(name).key"] : ["-cert", "\(issuer).pem", "-keyfile", "\(issuer).key"]
        try run(
            [
                "ca", "-batch", "-config", "\(name).cnf", "-in", "\(name).csr", "-out", "\(name).pem", "-notext",
                "-startdate", start, "-enddate", end,
            ] + signer)
    }

    private func run(_ arguments: [String]) throws {
        let output = try Subprocess.run("openssl", arguments, directory: folder.path)
        guard output.exitCode == 0 else { throw SupportError("openssl \(arguments[0]) fails: \(output.stderr)") }
    }
}
