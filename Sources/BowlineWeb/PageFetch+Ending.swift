// Every end of a fetch: what came of it is told, once, after everything else has been let go of.

import BowlineConnect
import BowlineDeferred
import BowlineReactor

extension PageFetch {
    // MARK: the end

    func succeed() {
        report.end = agent.clock.now
        let (result, stream, trailers) = (self.result, self.keptStream ?? self.stream, self.trailers)
        settle()
        switch result {
        case .page(let deferred):
            guard let head = report.head else { return }
            // Handed over, since copying a record counts each of its references.
            var record = PageReport(start: report.start)
            swap(&record, &report)
            deferred.callback(PageResponse(report: record, head: head, body: body))
        case .text(let deferred): giveText(to: deferred)
        case .body: stream?.ended(nil, report, trailers)
        case .stream, .nothing: break
        }
    }

    /// Makes text of the page; what held its bytes serves the next one.
    private func giveText(to deferred: Deferred<String>) {
        guard let head = report.head else { return }
        guard (200..<300).contains(head.status) else {
            let response = PageResponse(report: report, head: head, body: body)
            deferred.errback(PageError(phase: .http, reason: .status(response), report: report))
            return
        }
        let text = TextDecoding.text(of: body, head.fields)
        recycle()
        deferred.callback(text)
    }

    private func recycle() {
        guard var head = report.head else { return }
        report.head = nil
        head.removeAll()
        swap(&head, &agent.spareHead)
        guard body.capacity <= Agent.largestSpareBody else { return }
        body.removeAll(keepingCapacity: true)
        swap(&body, &agent.spareBody)
    }

    func fail(_ reason: PageError.Reason, in phase: PageError.Phase) {
        guard !isOver else { return }
        let (result, connector, stream) = (self.result, self.connector, self.keptStream ?? self.stream)
        abandon()
        // Only now have the attempts that were under way an outcome.
        if let connector { report.note(connector) }
        // A connection stood, though TLS or a proxy made nothing of it.
        report.peer = report.peer ?? report.attempts.last { $0.outcome == .connected }?.address
        report.end = agent.clock.now
        let error = PageError(phase: phase, reason: reason, report: report)
        switch result {
        case .page(let deferred): deferred.errback(error)
        case .text(let deferred): deferred.errback(error)
        case .stream(let deferred): deferred.errback(error)
        case .body: stream?.ended(error, report, nil)
        case .nothing: break
        }
    }

    /// Ends it without telling: whatever is under way is given up, and its descriptors are closed before this returns.
    func abandon() {
        let (connection, ticket) = (self.connection, self.ticket)
        settle()
        if let ticket { agent.pool.cancel(ticket) }
        connection?.abandon()
    }

    /// Lets go of everything.
    private func settle() {
        isOver = true
        result = .nothing
        deadlineTimer?.cancel()
        deadlineTimer = nil
        request.observer = nil
        request.stream = nil
        content = nil
        ticket = nil
        connection = nil
        connector = nil
        keptStream = nil
        if let decoding {
            agent.forgetDecoding(self)
            decoding.abandon()
        }
        decoding = nil
    }
}
