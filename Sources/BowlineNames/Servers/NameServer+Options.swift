// How a server is asked, as far as a configuration decides it for all servers.

extension NameServer {
    /// How it is asked.
    struct Options {
        var usesTCPOnly = false
        /// How often a question is sent over each transport; RFC 9520, 3.1 allows three.
        var sendings = NameServer.maximumSendings
        /// How long an answer is waited for. A resolver that has to ask others takes seconds for some names.
        var patience: Duration = .seconds(5)
        /// Whether a server has to answer one question about a name before it gets the next (`single-request`).
        var asksOneByOne = false
    }
}

extension NameServer.Options {
    /// What a configuration says of all servers.
    init(_ configuration: ResolverConfiguration) {
        usesTCPOnly = configuration.usesTCPOnly
        if let attempts = configuration.attempts { sendings = min(attempts, NameServer.maximumSendings) }
        if let timeout = configuration.timeout { patience = timeout }
        asksOneByOne = configuration.singleRequest
    }
}
