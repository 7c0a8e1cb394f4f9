// The JSON line of a target, as the contract has it: every key always, null where nothing is known.

import Bowline

extension FetchOutcome {
    var json: JSON {
        let members: [(String, JSON)] = [
            ("target", .string(target)), ("url", .string(url)), ("host", .string(url?.host.connectable)),
            ("port", .integer(url.map { Int($0.port) })), ("ok", .bool(isWell)),
            ("status", .integer(report?.head?.status)), ("bytes", .integer(response?.byteCount)),
            ("sha256", .string(response?.digest)),
            ("proxy", .string(proxy?.description)),
            ("address", .string(report?.peer?.ipAddress)), ("addresses", names?.addressesJSON ?? .null),
            ("redirects", report.map(Self.redirects) ?? .null), ("dns", names?.json ?? .null),
            ("attempts", report.map { attempts($0) } ?? .null),
            ("tls", report?.tls?.json ?? .null),
            ("timings", timings), ("retries", .integer(retryCount)),
            ("error", failure?.json ?? .null),
        ]
        return .object(members)
    }

    private var timings: JSON {
        let origin = start ?? report?.start
        return .object([
            ("dns_ms", .milliseconds(time(from: report?.hopStart, to: report?.resolved))),
            ("connect_ms", .milliseconds(time(from: report?.resolved, to: report?.connected))),
            (
                "tls_ms",
                .milliseconds(report?.secured == nil ? nil : time(from: report?.connected, to: report?.secured))
            ),
            ("first_byte_ms", .milliseconds(time(from: origin, to: report?.firstByte))),
            ("total_ms", .milliseconds(time(from: origin, to: report?.end))),
        ])
    }

    private static func redirects(_ report: PageReport) -> JSON {
        .array(
            report.redirects.map { .object([("url", .string("\($0.url)")), ("status", .integer($0.status))]) })
    }

    private func attempts(_ report: PageReport) -> JSON {
        let origin = start ?? report.start
        return .array(
            report.attempts.map { attempt in
                .object([
                    ("address", .string("\(attempt.address)")),
                    ("start_ms", .milliseconds(attempt.start - origin)),
                    ("end_ms", .milliseconds(attempt.end.map { $0 - origin })),
                    ("outcome", .string(attempt.outcome?.rawValue)),
                ])
            })
    }
}
