// The way through the answer section: from the name asked, over its aliases in whatever order they lie there, to the
// records of the type. Part of DNSAnswer; a file of its own because it is the part with state.

internal import BowlineTransport

/// Follows the aliases of an answer section and collects what is at their end.
struct AnswerSearch {
    private let type: RecordType
    private let start: Int
    private let count: UInt16
    /// Each step: where the target's name lies, and its TTL.
    private var steps: [(target: Int, ttl: UInt32)] = []
    /// For a look through many addresses; empty while there are few.
    private var seen: Set<IPAddress> = []

    private(set) var addresses = ShortList<IPAddress>()
    private(set) var records: [ResourceRecord] = []
    /// The smallest TTL of what was collected.
    private(set) var ttl = ResourceRecord.maximumTTL
    /// The smallest TTL of the steps.
    private(set) var aliasTTL = ResourceRecord.maximumTTL
    /// The offset after the answer section, once it has been read.
    private(set) var end: Int

    /// From this number on duplicates are looked up in a set.
    private static let fewAddresses = 16

    /// Where the question's name lies. Answers are compared with it, for it has been found equal to the name asked.
    private static let question = DNSHeader.octets

    init(_ start: Int, _ header: DNSHeader, _ type: RecordType) {
        self.type = type
        self.start = start
        count = header.answers
        end = start
    }

    /// Searches. One pass suffices if the records lie in order; a step to a name whose records may have gone by needs
    /// another, so there are at most as many passes as steps.
    mutating func run(_ packet: RawSpan) throws(WireError) {
        while try pass(packet) {}
    }

    /// Only checks the section.
    mutating func skipAnswers(_ packet: RawSpan) throws(WireError) {
        var offset = start
        for _ in 0..<count { offset = try WireRecord(packet, at: offset).data.upperBound }
        end = offset
    }

    var hasAliases: Bool { !steps.isEmpty }

    /// The steps as names.
    func aliases(of name: DomainName, _ packet: RawSpan) throws(WireError) -> [AliasStep] {
        var aliases: [AliasStep] = []
        var current = name
        for step in steps {
            let target = try WireName.read(packet, at: step.target)
            aliases.append(AliasStep(name: current, target: target, ttl: step.ttl))
            current = target
        }
        return aliases
    }

    /// Goes through the section once; true if it has to be done again.
    private mutating func pass(_ packet: RawSpan) throws(WireError) -> Bool {
        var offset = start
        var hasPassedOthers = false
        var isAgain = false
        for _ in 0..<count {
            let record = try WireRecord(packet, at: offset)
            offset = record.data.upperBound
            guard record.recordClass == WireRecord.internet,
                record.type == type || record.type == .cname || type == .any
            else { continue }
            guard try isCurrent(packet, record.owner) else {
                hasPassedOthers = true
                continue
            }
            if record.type == .cname, type != .cname, type != .any {
                try follow(packet, record)
                isAgain = hasPassedOthers
            } else {
                try collect(packet, record)
            }
        }
        end = offset
        if isAgain { clear() }
        return isAgain
    }

    /// Whether a name is the one whose records are wanted now.
    private func isCurrent(_ packet: RawSpan, _ owner: Int) throws(WireError) -> Bool {
        try WireName.areEqual(packet, owner, steps.last?.target ?? Self.question)
    }

    private mutating func follow(_ packet: RawSpan, _ record: WireRecord) throws(WireError) {
        try record.requireName(packet)
        let target = record.data.lowerBound
        guard steps.count < DNSAnswer.maximumAliases else { throw .tooManyAliases }
        var isKnown = try WireName.areEqual(packet, target, Self.question)
        for step in steps where !isKnown { isKnown = try WireName.areEqual(packet, target, step.target) }
        guard !isKnown else { throw .aliasLoop }
        steps.append((target, record.ttl))
        aliasTTL = min(aliasTTL, record.ttl)
        // An alias has no other records (RFC 1034, 3.6.2): what was found beside it goes.
        clear()
    }

    private mutating func collect(_ packet: RawSpan, _ record: WireRecord) throws(WireError) {
        if type == .a || type == .aaaa {
            let address = try record.address(packet)
            if isNew(address) { addresses.append(address) }
        } else {
            records.append(try ResourceRecord(packet, record))
        }
        ttl = min(ttl, record.ttl)
    }

    private mutating func isNew(_ address: IPAddress) -> Bool {
        guard addresses.count >= Self.fewAddresses else { return !addresses.contains(address) }
        if seen.isEmpty { seen = Set(addresses) }
        return seen.insert(address).inserted
    }

    private mutating func clear() {
        addresses = []
        records.removeAll()
        seen.removeAll()
        ttl = ResourceRecord.maximumTTL
    }
}
