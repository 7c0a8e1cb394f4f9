// What this machine says of a name without asking anybody: the user's pins, the names of special use, the hosts file.

import BowlineReactor
import BowlineTransport

enum LocalVerdict {
    /// The name has these addresses.
    case addresses([IPAddress], AnswerSource)
    /// There is no such name.
    case nonexistent

    /// The answer for one type; nil if this says nothing of it, since a hosts file speaks of addresses only.
    func answer(_ name: DomainName, _ type: RecordType, time: ReactorInstant) -> TypeAnswer? {
        switch self {
        case .addresses(let addresses, let source):
            guard source != .hosts || type == .a || type == .aaaa else { return nil }
            let records = addresses.filter { $0.recordType == type }.map {
                ResourceRecord(name: name, type: type, ttl: 0, data: .address($0))
            }
            guard !records.isEmpty else { return Self.failure(.nodata, name, type, source, time) }
            return TypeAnswer(type: type, records: records, origin: AnswerOrigin(source: source), time: time)
        case .nonexistent:
            return Self.failure(.nxdomain, name, type, .special, time)
        }
    }

    private static func failure(
        _ kind: LookupError.Kind, _ name: DomainName, _ type: RecordType, _ source: AnswerSource, _ time: ReactorInstant
    ) -> TypeAnswer {
        TypeAnswer(
            type: type, failure: LookupError(kind, name: name, types: [type], source: source),
            origin: AnswerOrigin(source: source), time: time)
    }
}

extension IPAddress {
    /// The type of the records that have such addresses.
    var recordType: RecordType { family == .ipv4 ? .a : .aaaa }
}
