// nginx, and the server that comes with OpenSSL.

import Glibc

extension RealServer {
    /// Starts an nginx with one site on 127.0.0.1, and on ::1 on the same port if asked.
    ///
    /// - Parameters:
    ///   - pages: The bodies, by path (`/small`).
    ///   - tls: The certificate and key of an https server; nil for http.
    ///   - directives: More for the `server` block: `location = /old { return 301 /small; }`.
    ///   - hasWorker: Whether a process of its own serves, so that the first one can replace it: what `reload` needs.
    /// - Returns: nil if nginx isn't installed.
    package static func nginx(
        pages: [String: [UInt8]], tls: Certificates.Pair? = nil, directives: String = "", alsoIPv6: Bool = false,
        hasWorker: Bool = false
    ) throws -> RealServer? {
        let certificate = tls.map { "ssl_certificate \($0.certificate); ssl_certificate_key \($0.key);" } ?? ""
        let ssl = tls == nil ? "" : " ssl"
        return try start("nginx") { folder, port in
            for (path, body) in pages { try folder.write("pages\(path)", body) }
            let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
                .map { "    \($0)_temp_path \(folder.path)/temporary;" }
            // One process unless asked: a worker would outlive a master that is killed. It may stay who it is.
            try folder.write(
                "nginx.conf",
                text: """
                    daemon off;
                    \(hasWorker ? geteuid() == 0 ? "user root;" : "" : "master_process off;")
                    pid \(folder.path)/pid;
                    error_log stderr;
                    events { worker_connections 512; }
                    http {
                        access_log \(folder.path)/access;
                        default_type text/html;
                    \(temporary.joined(separator: "\n"))
                        server {
                            listen 127.0.0.1:\(port)\(ssl);
                            \(alsoIPv6 ? "listen [::1]:\(port)\(ssl);" : "")
                            \(certificate)
                            root \(folder.path)/pages;
                            \(directives)
                        }
                    }

                    """)
            return ["-e", "stderr", "-c", "\(folder.path)/nginx.conf"]
        } answers: {
            Loopback.accepts($0)
        }
    }

    package static func nginx(
        pages: [String: String], tls: Certificates.Pair? = nil, directives: String = "", alsoIPv6: Bool = false
    ) throws -> RealServer? {
        try nginx(pages: pages.mapValues { Array($0.utf8) }, tls: tls, directives: directives, alsoIPv6: alsoIPv6)
    }

    /// Starts OpenSSL's own server, which sends each line back reversed.
    ///
    /// - Returns: nil if openssl isn't installed.
    package static func openssl(_ pair: Certificates.Pair, _ arguments: [String] = []) throws -> RealServer? {
        try start("openssl") { _, port in
            [
                "s_server", "-accept", "127.0.0.1:\(port)", "-cert", pair.certificate, "-key", pair.key, "-rev",
                "-quiet",
            ] + arguments
        } answers: {
            Loopback.accepts($0)
        }
    }
}
