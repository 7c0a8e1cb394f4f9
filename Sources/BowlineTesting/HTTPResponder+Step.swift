// What an action comes to: a list of steps, so that "byte by byte", "cut here" and "later" can be said of any action.

import Bowline

extension HTTPResponder {
    enum Step: Equatable {
        case write([UInt8])
        case wait(Duration)
        case close
        case reset
        case stall

        /// How long bytes that were written get to leave before the connection is reset.
        static let resetDelay: Duration = .milliseconds(10)

        /// The steps of an action as the answer to a request.
        static func steps(of action: Action, to request: Request) -> [Step] {
            switch action {
            case .respond(let response):
                let bytes = Step.write(response.bytes(to: request))
                return response.endsConnection(after: request) ? [bytes, .close] : [bytes]
            case .raw(let bytes): return [.write(bytes)]
            case .delayed(let delay, let action): return [.wait(delay)] + steps(of: action, to: request)
            case .pieces(let size, let pause, let action):
                return steps(of: action, to: request).flatMap { $0.pieces(of: max(1, size), every: pause) }
            case .cut(let count, let action, let ending):
                return cut(steps(of: action, to: request), after: count) + [ending.step]
            case .sequence(let actions): return actions.flatMap { steps(of: $0, to: request) }
            case .close: return [.close]
            case .reset: return [.reset]
            case .stall: return [.stall]
            }
        }

        private func pieces(of size: Int, every pause: Duration) -> [Step] {
            guard case .write(let bytes) = self else { return [self] }
            return stride(from: 0, to: bytes.count, by: size).flatMap { start -> [Step] in
                let piece = Step.write(Array(bytes[start..<min(start + size, bytes.count)]))
                return start == 0 ? [piece] : [.wait(pause), piece]
            }
        }

        /// The steps up to so many bytes.
        private static func cut(_ steps: [Step], after count: Int) -> [Step] {
            var left = count
            var kept: [Step] = []
            for step in steps {
                if case .write(let bytes) = step {
                    kept.append(.write(Array(bytes.prefix(left))))
                    left -= bytes.count
                    if left <= 0 { break }
                } else {
                    kept.append(step)
                }
            }
            return kept.filter { $0 != .close && $0 != .reset }
        }
    }
}

extension HTTPResponder.Ending {
    fileprivate var step: HTTPResponder.Step {
        switch self {
        case .close: .close
        case .reset: .reset
        case .stall: .stall
        }
    }
}
