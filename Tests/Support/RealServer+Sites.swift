// Apache, lighttpd, haproxy, and httpbin under gunicorn: the web servers besides nginx. Each has processes of its own, which end
// with the first one; each reloads its configuration on a signal, and finishes what it has begun meanwhile.

import Glibc

extension RealServer {
    /// Asks the server to begin anew without losing a request: HUP for nginx and gunicorn, USR1 for Apache and lighttpd, USR2
    /// for haproxy.
    package func reload(_ signal: CInt) { kill(process, signal) }

    /// Starts an Apache with one site.
    ///
    /// - Parameters:
    ///   - pages: the bodies, by path (`/small`).
    ///   - directives: more of the configuration; `alias` and `headers` are loaded.
    /// - Returns: nil if it isn't installed.
    package static func apache(pages: [String: [UInt8]], directives: String = "") throws -> RealServer? {
        try start("apache2") { folder, port in
            for (path, body) in pages { try folder.write("pages\(path)", body) }
            // Apache wants another user than root for its children, who must get at the pages.
            chmod(folder.path, 0o755)
            let modules = ["mpm_event", "authz_core", "alias", "headers"]
                .map { "LoadModule \($0)_module /usr/lib/apache2/modules/mod_\($0).so" }
            try folder.write(
                "apache.conf",
                text: """
                    ServerRoot \(folder.path)
                    DefaultRuntimeDir \(folder.path)
                    PidFile \(folder.path)/pid
                    Mutex file:\(folder.path)
                    ErrorLog /dev/stderr
                    ServerName 127.0.0.1
                    Listen 127.0.0.1:\(port)
                    \(modules.joined(separator: "\n"))
                    \(geteuid() == 0 ? "User www-data\nGroup www-data" : "")
                    StartServers 1
                    DocumentRoot \(folder.path)/pages
                    \(directives)

                    """)
            return ["-D", "FOREGROUND", "-f", "\(folder.path)/apache.conf"]
        } answers: {
            Loopback.accepts($0)
        }
    }

    /// Starts a lighttpd with one site.
    ///
    /// - Parameters:
    ///   - pages: the bodies, by path.
    ///   - directives: more of the configuration; `mod_redirect` is loaded.
    /// - Returns: nil if it isn't installed.
    package static func lighttpd(pages: [String: [UInt8]], directives: String = "") throws -> RealServer? {
        try start("lighttpd") { folder, port in
            for (path, body) in pages { try folder.write("pages\(path)", body) }
            try folder.write(
                "lighttpd.conf",
                text: """
                    server.document-root = "\(folder.path)/pages"
                    server.bind = "127.0.0.1"
                    server.port = \(port)
                    server.modules = ("mod_redirect")
                    server.upload-dirs = ("\(folder.path)")
                    \(directives)

                    """)
            return ["-D", "-f", "\(folder.path)/lighttpd.conf"]
        } answers: {
            Loopback.accepts($0)
        }
    }

    /// Whether `lighttpd` can encode what it serves: `mod_deflate` is a package of its own.
    package static var hasEncodingLighttpd: Bool {
        isInstalled("lighttpd") && access("/usr/lib/lighttpd/mod_deflate.so", R_OK) == 0
    }

    /// Starts a haproxy in front of a web server.
    ///
    /// - Parameters:
    ///   - backend: the port of that server on 127.0.0.1.
    ///   - frontend: more for the `frontend` section.
    ///   - defaults: more for the `defaults` section, behind timeouts of a minute.
    ///   - tls: what it shows to clients, with whom it speaks TLS then; nil for plain TCP.
    /// - Returns: nil if it isn't installed.
    package static func haproxy(
        to backend: UInt16, frontend: String = "", defaults: String = "", tls: Certificates.Pair? = nil
    ) throws -> RealServer? {
        try start("haproxy") { folder, port in
            var security = ""
            if let tls {
                // It looks for the key under the certificate's name.
                symlink(tls.certificate, "\(folder.path)/pair.pem")
                symlink(tls.key, "\(folder.path)/pair.pem.key")
                security = "ssl crt \(folder.path)/pair.pem"
            }
            try folder.write(
                "haproxy.cfg",
                text: """
                    global
                        stats socket \(folder.path)/socket mode 600 level admin expose-fd listeners
                    defaults
                        mode http
                        timeout connect 60s
                        timeout client 60s
                        timeout server 60s
                        \(defaults)
                    frontend site
                        bind 127.0.0.1:\(port) \(security)
                        \(frontend)
                        default_backend pages
                    backend pages
                        server only 127.0.0.1:\(backend)

                    """)
            return ["-W", "-db", "-f", "\(folder.path)/haproxy.cfg"]
        } answers: {
            Loopback.accepts($0)
        }
    }

    /// Whether `httpbin` can be started.
    package static var hasHTTPBin: Bool {
        isInstalled("gunicorn") && access("/usr/lib/python3/dist-packages/httpbin/core.py", R_OK) == 0
    }

    /// Starts httpbin, the service that shows requests, under gunicorn.
    ///
    /// - Returns: nil if it isn't installed.
    package static func httpbin() throws -> RealServer? {
        guard hasHTTPBin else { return nil }
        return try start("gunicorn") { folder, port in
            [
                "--bind", "127.0.0.1:\(port)", "--worker-class", "gthread", "--threads", "8", "--keep-alive", "60",
                "--graceful-timeout", "1", "--worker-tmp-dir", folder.path, "--chdir", folder.path, "httpbin:app",
            ]
        } answers: {
            // gunicorn listens before its worker is there, which then answers all the same.
            Loopback.accepts($0)
        }
    }
}
