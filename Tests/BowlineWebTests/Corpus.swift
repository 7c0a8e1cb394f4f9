// Finds the tables of test cases that others wrote. They are used where they lie, and are no part of the project.

import Foundation

enum Corpus {
    /// The folder, or nil where `BOWLINE_CORPORA` isn't set, or is empty.
    static let folder = ProcessInfo.processInfo.environment["BOWLINE_CORPORA"].flatMap { $0.isEmpty ? nil : $0 }

    static func data(_ path: String) throws -> Data {
        try Data(contentsOf: URL(fileURLWithPath: folder ?? "").appendingPathComponent(path))
    }

    static func json(_ path: String) throws -> Any { try JSONSerialization.jsonObject(with: data(path)) }

    static func text(_ path: String) throws -> String { String(decoding: try data(path), as: UTF8.self) }
}

/// How a corpus went.
struct CorpusTally: CustomStringConvertible {
    var agreed = 0
    var stricter = 0
    var laxer = 0
    var skipped = 0

    var description: String {
        let laxer = laxer > 0 ? ", \(laxer) laxer" : ""
        return "\(agreed + stricter + self.laxer + skipped) cases: \(agreed) agreed, \(stricter) stricter\(laxer), "
            + "\(skipped) skipped"
    }
}
