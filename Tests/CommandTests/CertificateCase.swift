// Certificates that are well and certificates that are not, with what is to come of each: accepted and refused as curl does,
// and where not, it says why.

import TestSupport
import Testing

/// One server's certificate, and what is to come of it.
struct CertificateCase: Sendable, CustomTestStringConvertible {
    var name: String
    var recipe: Certificates.Recipe
    var host = "h.test"
    /// The exit code.
    var exit: CInt
    /// curl's exit code, the same unless there is a reason; nil if it can't be asked.
    var curl: CInt?
    /// A part of the line on stderr.
    var words = ""
    /// More of nginx's configuration.
    var directives = ""

    var testDescription: String { name }

    init(
        _ name: String, _ names: [String], host: String = "h.test", exit: CInt, _ words: String = "",
        directives: String = "", change: (inout Certificates.Recipe) -> Void = { _ in }
    ) {
        self.name = name
        recipe = Certificates.Recipe()
        recipe.names = names
        change(&recipe)
        self.host = host
        self.exit = exit
        curl = exit
        self.words = words
        self.directives = directives
    }

    func curl(_ exit: CInt?) -> CertificateCase {
        var changed = self
        changed.curl = exit
        return changed
    }

    static let all = names + validity + chains + keys + versions

    private static let names: [CertificateCase] = [
        .init("in order", ["DNS:h.test"], exit: 0),
        .init("one of several names", ["DNS:a.test", "DNS:h.test"], exit: 0),
        .init("another name", ["DNS:a.test", "DNS:b.test"], exit: 60, "is for a.test, b.test, not for h.test"),
        .init("a name in capitals", ["DNS:H.TEST"], exit: 0),
        // curl takes the dot for a part of the name that is pinned.
        .init("a host with a dot at its end", ["DNS:h.test"], host: "h.test.", exit: 0).curl(nil),
        .init("a wildcard", ["DNS:*.h.test"], host: "www.h.test", exit: 0),
        .init(
            "a wildcard is one label", ["DNS:*.h.test"], host: "a.b.h.test", exit: 60,
            "is for *.h.test, not for a.b.h.test"),
        .init(
            "a wildcard isn't the name itself", ["DNS:*.h.test"], host: "h.test", exit: 60, "not for h.test"),
        .init(
            "a wildcard two labels deep", ["DNS:*.*.h.test"], host: "a.b.h.test", exit: 60,
            "is for *.*.h.test, not for a.b.h.test"),
        .init("a wildcard for all below a top", ["DNS:*.test"], exit: 60, "is for *.test, not for h.test"),
        .init("a wildcard for a part of a label", ["DNS:w*.h.test"], host: "www.h.test", exit: 60, "is for w*.h.test"),
        .init("a wildcard for everything", ["DNS:*"], exit: 60, "is for *, not for h.test"),
        .init("an international name", ["DNS:xn--bcher-kva.test"], host: "xn--bcher-kva.test", exit: 0),
        // curl looks for the pin by the name as it was written.
        .init("an international name in Unicode", ["DNS:xn--bcher-kva.test"], host: "bücher.test", exit: 0).curl(nil),
        .init("an address", ["IP:127.0.0.1"], host: "127.0.0.1", exit: 0),
        .init("another address", ["IP:127.0.0.2"], host: "127.0.0.1", exit: 60, "is for 127.0.0.2, not for 127.0.0.1"),
        .init(
            "no address", ["DNS:h.test"], host: "127.0.0.1", exit: 60,
            "the certificate is for h.test, not for 127.0.0.1"),
        .init(
            "an address as a name", ["DNS:127.0.0.1"], host: "127.0.0.1", exit: 60,
            "has 127.0.0.1 as a host's name, and not as an address"),
        .init("a wildcard for an address", ["DNS:*.0.0.1"], host: "127.0.0.1", exit: 60, "not for 127.0.0.1"),
        .init("a common name and no other", [], exit: 0) { $0.commonName = "h.test" },
        .init("a common name beside other names", ["DNS:a.test"], exit: 60, "is for a.test, not for h.test") {
            $0.commonName = "h.test"
        },
        // RFC 9525, 2: a common name isn't looked at. curl and OpenSSL still do for hosts, and curl for addresses.
        .init(
            "an address as a common name", [], host: "127.0.0.1", exit: 60,
            "has 127.0.0.1 as a host's name, and not as an address"
        ) { $0.commonName = "127.0.0.1" }.curl(0),
    ]

    private static let validity: [CertificateCase] = [
        .init("expired", ["DNS:h.test"], exit: 60, #"the certificate of "h.test" expired on 2024-02-29"#) {
            $0.end = "20240229120000Z"
        },
        .init(
            "not valid yet", ["DNS:h.test"], exit: 60, #"the certificate of "h.test" is not valid before 2098-07-01"#
        ) { $0.start = "20980701000000Z" },
        .init("for clients only", ["DNS:h.test"], exit: 60, "unsuitable certificate purpose") {
            $0.extensions = ["extendedKeyUsage=clientAuth"]
        },
        .init("an unknown extension that must be known", ["DNS:h.test"], exit: 60, "unhandled critical extension") {
            $0.extensions = ["1.2.3.4=critical,DER:0500"]
        },
    ]

    private static let chains: [CertificateCase] = [
        .init("self-signed", ["DNS:h.test"], exit: 60, #"the certificate of "h.test" is self-signed"#) {
            $0.issuer = .itself
        },
        .init("of a stranger", ["DNS:h.test"], exit: 60, #"unknown issuer: "Bowline stranger" is not trusted"#) {
            $0.issuer = .stranger
        },
        .init(
            "of a stranger who comes along", ["DNS:h.test"], exit: 60, #""Bowline stranger" is unknown: not trusted"#
        ) {
            $0.issuer = .stranger
            $0.sends = [.own, .issuer]
        },
        .init("below an intermediate one", ["DNS:h.test"], exit: 0) {
            $0.issuer = .intermediate
            $0.sends = [.own, .issuer]
        },
        .init("a chain in the wrong order", ["DNS:h.test"], exit: 0) {
            $0.issuer = .intermediate
            $0.sends = [.own, .root, .issuer]
        },
        .init("a missing intermediate", ["DNS:h.test"], exit: 60, "an intermediate certificate may be missing") {
            $0.issuer = .intermediate
        },
        .init(
            "below an expired intermediate one", ["DNS:h.test"], exit: 60,
            #"the issuing certificate of "Bowline expired" expired on 2024-02-29"#
        ) {
            $0.issuer = .expiredIntermediate
            $0.sends = [.own, .issuer]
        },
        .init(
            "below one that may not sign", ["DNS:h.test"], exit: 60,
            #"the issuing certificate of "Bowline commoner": invalid CA certificate"#
        ) {
            $0.issuer = .noAuthority
            $0.sends = [.own, .issuer]
        },
        .init("below one that is for other names", ["DNS:h.test"], exit: 60, "permitted subtree violation") {
            $0.issuer = .constrained
            $0.sends = [.own, .issuer]
        },
    ]

    // What this side refuses, an nginx of today has to be made to use.
    private static let weak = "ssl_protocols TLSv1.2; ssl_ciphers DEFAULT@SECLEVEL=0;"

    private static let keys: [CertificateCase] = [
        .init("signed over SHA-1", ["DNS:h.test"], exit: 60, "digest algorithm too weak", directives: weak) {
            $0.digest = "sha1"
        },
        .init("an RSA key of 1,024 bits", ["DNS:h.test"], exit: 60, "key too weak", directives: weak) {
            $0.keyBits = 1_024
        },
        .init("an RSA key of 2,048 bits", ["DNS:h.test"], exit: 0) { $0.keyBits = 2_048 },
    ]

    private static let versions: [CertificateCase] = [
        .init(
            "TLS 1.1 only", ["DNS:h.test"], exit: 35, "no TLS version in common",
            directives: "ssl_protocols TLSv1 TLSv1.1; ssl_ciphers DEFAULT@SECLEVEL=0;"),
        .init("TLS 1.2 only", ["DNS:h.test"], exit: 0, directives: "ssl_protocols TLSv1.2;"),
        .init(
            "no cipher in common", ["DNS:h.test"], exit: 35, "no cipher in common",
            directives: "ssl_protocols TLSv1.2; ssl_ciphers NULL-SHA256:@SECLEVEL=0;"),
    ]
}
