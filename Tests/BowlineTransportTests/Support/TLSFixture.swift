// Contexts for tests whose certificates are in order: an authority of the tests, and a server `h.test` below it.

import Bowline
import TestSupport

enum TLSFixture {
    static let server: Result<Certificates.Pair, any Error> = Result {
        try Certificates.shared().make(for: "DNS:h.test")
    }

    static func serverConfiguration() throws -> TLSServerConfiguration {
        TLSServerConfiguration(try server.get().identity)
    }

    static func clientConfiguration() throws -> TLSClientConfiguration {
        var configuration = TLSClientConfiguration()
        configuration.trust = .file(try Certificates.shared().root)
        return configuration
    }

    static func server(_ clock: any ReactorClock) throws -> TLSContext {
        try TLSContext(server: serverConfiguration(), clock: clock)
    }

    static func client(_ clock: any ReactorClock) throws -> TLSContext {
        try TLSContext(client: clientConfiguration(), clock: clock)
    }
}

extension Certificates.Pair {
    var identity: TLSIdentity { TLSIdentity(certificateFile: certificate, keyFile: key) }
}
