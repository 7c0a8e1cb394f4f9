// knot and bind (authoritative), unbound (recursive) and dnsmasq (forwarder): four DNS servers by four authors.

import Glibc

extension RealServer {
    /// Starts a knot that is authoritative for one zone.
    ///
    /// - Parameters:
    ///   - zone: The zone's name (`example.test`).
    ///   - records: Lines of a zone file, names relative to the zone: `www 60 A 127.0.0.1`. SOA and NS are there already;
    ///     the SOA's minimum, which bounds negative answers, is 30 seconds.
    /// - Returns: nil if knot isn't installed. Questions for other zones are refused.
    package static func knot(zone: String, records: String) throws -> RealServer? {
        try start("knotd") { folder, port in
            try folder.write("zone", text: zoneFile(zone, records))
            try folder.write(
                "knot.conf",
                text: """
                    server:
                        rundir: "\(folder.path)"
                        listen: 127.0.0.1@\(port)
                        udp-workers: 1
                        tcp-workers: 1
                        background-workers: 1
                    log:
                      - target: stderr
                        any: notice
                    database:
                        storage: "\(folder.path)"
                    zone:
                      - domain: \(zone)
                        file: "\(folder.path)/zone"

                    """)
            return ["-c", "\(folder.path)/knot.conf"]
        } answers: {
            answersQuestions($0)
        }
    }

    /// Starts a bind (named) that is authoritative for one zone, as `knot(zone:records:)` does.
    ///
    /// - Returns: nil if bind isn't installed. Questions for other zones are refused.
    package static func bind(zone: String, records: String) throws -> RealServer? {
        try start("named") { folder, port in
            try folder.write("zone", text: zoneFile(zone, records))
            // Without root servers of its own it would ask the real ones.
            try folder.write("root", text: ". 60 NS localhost.\nlocalhost. 60 A 127.0.0.1\n")
            try folder.write(
                "named.conf",
                text: """
                    options {
                        directory "\(folder.path)";
                        pid-file none;
                        session-keyfile none;
                        listen-on port \(port) { 127.0.0.1; };
                        listen-on-v6 { none; };
                        recursion no;
                        dnssec-validation no;
                        allow-query { any; };
                        empty-zones-enable no;
                    };
                    controls { };
                    zone "." { type hint; file "\(folder.path)/root"; };
                    zone "\(zone)" { type primary; file "\(folder.path)/zone"; };

                    """)
            return ["-g", "-n", "1", "-c", "\(folder.path)/named.conf"]
        } answers: { port in
            // It listens before it has read the zone, and fails questions until then.
            Loopback.ask("ns.\(zone)", type: 1, port: port, timeout: .milliseconds(200)).map { $0[3] & 0x0F == 0 }
                ?? false
        }
    }

    private static func zoneFile(_ zone: String, _ records: String) -> String {
        """
        $ORIGIN \(zone).
        $TTL 300
        @ SOA ns.\(zone). hostmaster.\(zone). 1 3600 600 86400 30
        @ NS ns.\(zone).
        ns A 127.0.0.1
        \(records)

        """
    }

    /// Starts an unbound that knows some records, and asks nobody or one other server for the rest.
    ///
    /// - Parameters:
    ///   - localData: Records with absolute names: `www.example.test. 60 A 127.0.0.1`.
    ///   - upstream: The port of a server on 127.0.0.1 that it forwards other questions to; without one they are NXDOMAIN.
    /// - Returns: nil if unbound isn't installed.
    package static func unbound(localData: [String] = [], upstream: UInt16? = nil) throws -> RealServer? {
        try start("unbound") { folder, port in
            // Without `nodefault` the built-in zone of .test would answer before anybody is asked.
            let rest =
                upstream.map {
                    [
                        "    local-zone: \"test.\" nodefault", "forward-zone:", "    name: \".\"",
                        "    forward-addr: 127.0.0.1@\($0)",
                    ]
                }
                ?? ["    local-zone: \".\" static"]
            try folder.write(
                "unbound.conf",
                text: """
                    remote-control:
                        control-enable: no
                    server:
                        directory: "\(folder.path)"
                        chroot: ""
                        username: ""
                        pidfile: ""
                        use-syslog: no
                        do-daemonize: no
                        num-threads: 1
                        module-config: "iterator"
                        interface: 127.0.0.1@\(port)
                        do-not-query-localhost: no
                    \(localData.map { "    local-data: '\($0)'" }.joined(separator: "\n"))
                    \(rest.joined(separator: "\n"))

                    """)
            return ["-d", "-c", "\(folder.path)/unbound.conf"]
        } answers: {
            answersQuestions($0)
        }
    }

    /// Starts a dnsmasq that knows some hosts, and asks nobody or one other server for the rest.
    ///
    /// - Parameters:
    ///   - hosts: Addresses by name.
    ///   - upstream: The port of a server on 127.0.0.1 that it forwards other questions to; without one they are refused.
    /// - Returns: nil if dnsmasq isn't installed.
    package static func dnsmasq(hosts: [String: [String]], upstream: UInt16? = nil) throws -> RealServer? {
        try start("dnsmasq") { folder, port in
            let lines = hosts.flatMap { name, addresses in addresses.map { "\($0) \(name)\n" } }
            try folder.write("hosts", text: lines.joined())
            try folder.write(
                "dnsmasq.conf",
                text: """
                    port=\(port)
                    listen-address=127.0.0.1
                    bind-interfaces
                    no-resolv
                    no-hosts
                    addn-hosts=\(folder.path)/hosts
                    local-ttl=60
                    pid-file=\(folder.path)/pid
                    log-facility=-
                    \(geteuid() == 0 ? "user=root\ngroup=root" : "")
                    \(upstream.map { "server=127.0.0.1#\($0)" } ?? "")

                    """)
            return ["--keep-in-foreground", "--conf-file=\(folder.path)/dnsmasq.conf"]
        } answers: {
            answersQuestions($0)
        }
    }

    /// Any reply will do: whoever refuses is there.
    private static func answersQuestions(_ port: UInt16) -> Bool {
        Loopback.ask("up.test", type: 1, port: port, timeout: .milliseconds(200)) != nil
    }
}
