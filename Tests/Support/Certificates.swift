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
    package struct Recipe: Sendable {
        /// Who signs.
        package enum Issuer: Sendable {
            case root, intermediate, itself, stranger
            /// Below the root, and no longer valid.
            case expiredIntermediate
            /// Below the root, and not allowed to sign.
            case noAuthority
            /// Below the root, and for names below good.test only.
            case constrained
        }

        package var names: [String]
        package var issuer = Issuer.root
        /// The subject's common name; the first of the names unless set.
        package var commonName: String?
        /// More extensions, as OpenSSL's configuration has them: `extendedKeyUsage=clientAuth`.
        package var extensions: [String] = []
        /// What is signed.
        package var digest = "sha256"
        /// The size of an RSA key; nil for an elliptic one.
        package var keyBits: Int?
        /// As `openssl ca` takes them: YYYYMMDDHHMMSSZ.
        package var start = "20240101000000Z"
        package var end = "20991231235959Z"
        /// What the server sends, in this order.
        package var sends: [Link] = [.own]

        package enum Link: Sendable {
            case own, root
            /// The certificate of whoever has signed it.
            case issuer
        }

        /// - Parameter names: as OpenSSL writes alternative names: `DNS:h.test`, `IP:127.0.0.1`.
        package init(_ names: String...) { self.names = names }
    }

    package let folder: TemporaryFolder
    /// The file of the authority's own certificate.
    package var root: String { "\(folder.path)/root.pem" }
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
        let authority = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"]
        for (name, extensions, end) in [
            ("intermediate", authority, "20991231235959Z"), ("expired", authority, "20240229120000Z"),
            ("commoner", ["basicConstraints=critical,CA:FALSE"], "20991231235959Z"),
            ("constrained", authority + ["nameConstraints=critical,permitted;DNS:good.test"], "20991231235959Z"),
        ] {
            try makeKey(name)
            try sign(
                name, subject: "/CN=Bowline \(name)", issuer: "root", extensions: extensions, start: "20240101000000Z",
                end: end)
        }
    }

    /// Makes a certificate for a server.
    package func make(_ recipe: Recipe) throws -> Pair {
        let name = "leaf\(count.add(1, ordering: .relaxed).newValue)"
        try makeKey(name, bits: recipe.keyBits)
        let issuer: String =
            switch recipe.issuer {
            case .root: "root"
            case .intermediate: "intermediate"
            case .stranger: "stranger"
            case .itself: name
            case .expiredIntermediate: "expired"
            case .noAuthority: "commoner"
            case .constrained: "constrained"
            }
        let first = recipe.names.first.flatMap { $0.split(separator: ":", maxSplits: 1).last } ?? "nobody"
        let subject = recipe.commonName ?? first.map { $0 == "*" ? "wildcard" : String($0) }.joined()
        let names = recipe.names.isEmpty ? [] : ["subjectAltName=\(recipe.names.joined(separator: ","))"]
        try sign(
            name, subject: "/CN=\(subject)", issuer: issuer,
            // Without any it would be a certificate of version 1.
            extensions: (names.isEmpty ? ["keyUsage=digitalSignature"] : names) + recipe.extensions,
            start: recipe.start, end: recipe.end, digest: recipe.digest)
        let chain = recipe.sends.map { link in
            switch link {
            case .own: folder.read("\(name).pem")
            case .issuer: folder.read("\(issuer).pem")
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

    private func makeKey(_ name: String, bits: Int? = nil) throws {
        if let bits { return try run(["genrsa", "-out", "\(name).key", "\(bits)"]) }
        try run(["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "\(name).key"])
    }

    private func sign(
        _ name: String, subject: String, issuer: String, extensions: [String], start: String, end: String,
        digest: String = "sha256"
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
                default_md = \(digest)
                policy = anything
                x509_extensions = extensions
                [anything]
                commonName = supplied
                [extensions]
                \(extensions.joined(separator: "\n"))

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
