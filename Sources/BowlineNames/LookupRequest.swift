// What is asked of a resolver, and what comes back: values, so that any resolver can be put in the place of another.

public import BowlineReactor
public import BowlineTransport

/// Asks a resolver for the records of a name.
///
/// ```swift
/// var request = LookupRequest("example.com", types: [.a])
/// request.timeout = .seconds(2)
/// let answer = try await reactor.resolver.resolve(request, onAnswer: nil).value
/// print(answer.addresses)
/// ```
public struct LookupRequest: Hashable, Sendable {
    /// A host name as people write it, or the text of an address.
    public var host: String
    /// The types to ask for, in the order of asking.
    public var types: [RecordType]
    /// The port that the addresses are for: pins may depend on it.
    public var port: UInt16?
    /// How long the lookup may take altogether.
    public var timeout: Duration

    /// How long a lookup takes at most unless told otherwise.
    public static let defaultTimeout: Duration = .seconds(10)

    /// Creates a request; for addresses of both families unless told otherwise, IPv6 first (RFC 8305, 3).
    public init(
        _ host: String, types: [RecordType] = [.aaaa, .a], port: UInt16? = nil,
        timeout: Duration = LookupRequest.defaultTimeout
    ) {
        self.host = host
        self.types = types
        self.port = port
        self.timeout = timeout
    }
}

/// Says what asking for one type of a name came to.
///
/// ```swift
/// let request = LookupRequest("example.com")
/// reactor.resolver.resolve(request) { answer in
///     print(answer.type, answer.addresses, answer.origin.source, answer.failure?.kind.rawValue ?? "")
/// }
/// .addErrback { error in LookupAnswer(name: nil, questions: [], elapsed: .zero) }
/// ```
public struct TypeAnswer: Hashable, Sendable {
    /// The type asked for.
    public var type: RecordType
    /// Nil if there are records; otherwise why not, `.nodata` and `.nxdomain` among others.
    public var failure: LookupError? {
        get { extras.failure }
        set { extras.failure = newValue }
    }
    /// The records, with the time they may still be kept.
    public var records: [ResourceRecord]
    /// The steps from the name asked to the one that has the records.
    public var aliases: [AliasStep] {
        get { extras.aliases }
        set { extras.aliases = newValue }
    }
    /// How long the answer may be kept, in seconds: the smallest TTL on the way to the records. Nil if it may not.
    public var ttl: UInt32?
    /// Where the answer comes from.
    public var origin: AnswerOrigin
    /// The response code, if a server answered.
    public var responseCode: ResponseCode?
    /// The server's explanations (RFC 8914).
    public var extendedErrors: [ExtendedError] {
        get { extras.extendedErrors }
        set { extras.extendedErrors = newValue }
    }
    /// The servers that failed, or were silent for longer than usual, before another one answered, or before something stale
    /// had to do.
    public var failedServers: [LookupError.ServerReport] {
        get { extras.failedServers }
        set { extras.failedServers = newValue }
    }
    /// When the answer was there.
    public var time: ReactorInstant

    /// What few answers have.
    private struct Extras: Hashable, Sendable {
        var failure: LookupError?
        var aliases: [AliasStep] = []
        var extendedErrors: [ExtendedError] = []
        var failedServers: [LookupError.ServerReport] = []

        var isEmpty: Bool {
            failure == nil && aliases.isEmpty && extendedErrors.isEmpty && failedServers.isEmpty
        }
    }
    /// Behind a reference, which is nil for most: it would be half the size of each answer.
    private indirect enum ExtrasBox: Hashable, Sendable {
        case extras(Extras)
    }
    private var extrasBox: ExtrasBox?
    private var extras: Extras {
        get { if case .extras(let extras) = extrasBox { extras } else { Extras() } }
        set { extrasBox = newValue.isEmpty ? nil : .extras(newValue) }
    }

    /// Creates an answer.
    public init(
        type: RecordType, failure: LookupError? = nil, records: [ResourceRecord] = [], aliases: [AliasStep] = [],
        ttl: UInt32? = nil, origin: AnswerOrigin, responseCode: ResponseCode? = nil,
        extendedErrors: [ExtendedError] = [], time: ReactorInstant
    ) {
        self.init(plain: type, records: records, ttl: ttl, origin: origin, time: time)
        self.responseCode = responseCode
        if failure != nil || !aliases.isEmpty || !extendedErrors.isEmpty {
            extras = Extras(failure: failure, aliases: aliases, extendedErrors: extendedErrors)
        }
    }

    /// Creates an answer of what nearly all have.
    init(plain type: RecordType, records: [ResourceRecord], ttl: UInt32?, origin: AnswerOrigin, time: ReactorInstant) {
        self.type = type
        self.records = records
        self.ttl = ttl
        self.origin = origin
        self.time = time
    }

    /// The addresses among the records, in order.
    public var addresses: [IPAddress] {
        records.compactMap { if case .address(let address) = $0.data { address } else { nil } }
    }

    /// Whether there is an address among the records.
    package var hasAddress: Bool {
        records.contains { if case .address = $0.data { true } else { false } }
    }
}

/// Says what a lookup came to, when all its types have been answered or given up.
///
/// ```swift
/// reactor.resolver.lookup("example.com").addCallback { answer in
///     for address in answer.addresses { print(address) }
///     for question in answer.questions { print(question.type, question.origin.source) }
/// }
/// ```
public struct LookupAnswer: Hashable, Sendable {
    /// The name that was looked up: the host in its ASCII form. Nil for the text of an address.
    public var name: DomainName?
    /// One answer for each type, in the order in which they came.
    public var questions: [TypeAnswer]
    /// How long it took.
    public var elapsed: Duration

    /// Creates an answer.
    public init(name: DomainName?, questions: [TypeAnswer], elapsed: Duration) {
        self.name = name
        self.questions = questions
        self.elapsed = elapsed
    }

    /// The addresses of all types, in the order in which they came.
    public var addresses: [IPAddress] { questions.flatMap(\.addresses) }
}
