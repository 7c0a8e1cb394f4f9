// What can be wrong with a packet. Trivial, so that throwing it costs nothing: packets are a stranger's choice.

/// Why a packet isn't a DNS message, or not an answer to the question.
package enum WireError: Error, Hashable, Sendable {
    /// The packet ends within its header, a question or a record.
    case truncated
    /// A compression pointer into the header, forward, or to itself (RFC 1035, 4.1.4: "a prior occurrence").
    case badPointer
    /// A name with more than 128 pointers.
    case tooManyPointers
    /// A label with a reserved length byte, 0x40 to 0xBF.
    case reservedLabel
    /// A name of more than 255 octets.
    case nameTooLong
    /// Data that its type doesn't allow, for example an A record of 3 octets.
    case badData(RecordType)
    /// It says itself that it is cut short (TC), and what is there is no answer.
    case incomplete
    /// A query, or another kind of message than a standard query.
    case notAResponse
    /// A response without the question.
    case noQuestion
    /// A response to another question.
    case otherQuestion
    /// Aliases that come back to an earlier name.
    case aliasLoop
    /// More than `DNSAnswer.maximumAliases` aliases.
    case tooManyAliases
}

extension WireError: CustomStringConvertible {
    /// A clause that continues "the answer is malformed: ".
    package var description: String {
        switch self {
        case .truncated: "it ends too early"
        case .badPointer: "a compression pointer doesn't point backwards"
        case .tooManyPointers: "a name has more than \(WireLabels.maximumPointers) compression pointers"
        case .reservedLabel: "a label has a reserved type"
        case .nameTooLong: "a name is longer than 255 octets"
        case .badData(let type): "the data of a record of type \(type) is invalid"
        case .incomplete: "it says that it is cut short (TC)"
        case .notAResponse: "it is not a response to a query"
        case .noQuestion: "it doesn't repeat the question"
        case .otherQuestion: "it answers another question"
        case .aliasLoop: "its aliases (CNAME) form a loop"
        case .tooManyAliases: "it has more than \(DNSAnswer.maximumAliases) aliases (CNAME) in a row"
        }
    }
}
