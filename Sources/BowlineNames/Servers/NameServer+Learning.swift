// What a server learns from what comes back: its pace, its window, whether it is well, EDNS, whether it keeps the case of a name.

import BowlineReactor

extension NameServer {
    /// Learns from a reply; true if the query is asked anew instead of being told.
    func learn(from query: ServerQuery, _ reply: ServerReply) -> Bool {
        let now = clock.now
        switch reply {
        case .answer(let answer):
            lastSign = now
            isSilent = false
            noteRoundTrip(of: query, answer.isTCP, at: now)
            if !answer.message.spellingMatches, distrusts(query, answer.isTCP, at: now) { return true }
            if answer.message.isTruncated, !answer.isTCP, askAnew(query, in: query.manner.union(.overTCP)) {
                record.counts.overTCP += 1
                return true
            }
            record.counts.answers += 1
            if answer.message.dislikesEDNS {
                if query.offersEDNS, askAnew(query, in: query.manner.union(.plain)) { return true }
            } else if answer.message.hasEDNS {
                record.noteEDNS()
            }
            // The refusal of an OPT record may be a slip or forged; that the same question does better without is proof.
            if query.manner.contains(.plain), answer.message.outcome.settles { record.notePlainProof(at: now) }
            if !answer.message.outcome.settles, let report = LookupError.ServerReport(of: address, failing: answer) {
                record.counts.failures += 1
                record.noteFailure(report, isGone: false, at: now)
            } else {
                record.health.noteAnswer()
            }
        case .failed(.timeout):
            record.counts.timeouts += 1
            noteFailure(.timeout, of: query, at: now)
        case .failed(.unreachable):
            // A connection that broke: one more is tried. That nobody listens shows at once, and costs nothing.
            if query.usesTCP, askAnew(query, in: query.manner.union(.overTCP)) { return true }
            noteFailure(.unreachable, of: query, at: now)
        case .failed(.malformed), .failed(.local):
            if case .failed(let failure) = reply { noteFailure(failure, of: query, at: now) }
        case .failed(.cancelled), .failed(.lacking):
            // Nothing that the server could help.
            break
        }
        return false
    }

    /// - Parameter query: which failed so; nil if it is the server as a whole.
    func noteFailure(_ failure: ServerFailure, of query: ServerQuery? = nil, at now: ReactorInstant) {
        record.noteFailure(
            LookupError.ServerReport(of: address, failing: failure, overTCP: query?.usesTCP ?? options.usesTCPOnly),
            isGone: failure == .unreachable, at: now)
    }

    private func noteRoundTrip(of query: ServerQuery, _ isTCP: Bool, at now: ReactorInstant) {
        // An answer to a question that was sent more than once may be to any of them (Karn).
        let isClear = query.sendings == 1 && !isTCP
        let roundTrip = isClear ? (now - query.startTime).saturatingNanoseconds : nil
        window.noteAnswer(roundTrip: roundTrip, at: now, isFull: !line.isEmpty)
        if let roundTrip { record.noteRoundTrip(roundTrip, at: now) }
    }

    /// What to do about an answer to another spelling: ask once more, then over TCP, where nobody forges. What comes there
    /// says whether the server can't keep the case or somebody else has answered.
    private func distrusts(_ query: ServerQuery, _ isTCP: Bool, at now: ReactorInstant) -> Bool {
        if isTCP {
            record.noteLostCase(at: now)
            return false
        }
        record.counts.mismatches += 1
        return !query.manner.contains(.misspelt) && askAnew(query, in: query.manner.union(.misspelt))
            || askAnew(query, in: query.manner.union([.misspelt, .overTCP]))
    }
}

extension DNSAnswer {
    /// Whether it says that the question is to be asked without EDNS: a server that doesn't know it says so without an OPT
    /// record (RFC 6891, 7), one that doesn't speak the version with one (6.1.3).
    fileprivate var dislikesEDNS: Bool {
        switch responseCode {
        case .formErr, .notImp: !hasEDNS
        case .badVers: true
        default: false
        }
    }
}
