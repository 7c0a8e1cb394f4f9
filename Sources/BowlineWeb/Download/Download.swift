// What a download comes to: its record, its progress, and what keeps it from its file.

public import BowlineReactor

/// A page that has been written to a file.
///
/// ```swift
/// reactor.downloadPage("http://example.com/large.iso", to: "/srv/large.iso")
///     .addCallback { download in print(download.byteCount, download.resumedAt) }
///     .addErrback { error in print(error) }
/// ```
public struct Download: Sendable {
    /// The file.
    public let path: String
    /// Its size.
    public let byteCount: Int
    /// How much of it was there from an earlier attempt: 0 if all was fetched now.
    public let resumedAt: Int
    /// The record of the fetch.
    public let report: PageReport
}

/// How far a download has come.
///
/// ```swift
/// reactor.downloadPage(PageRequest("http://example.com/large.iso"), to: "/srv/large.iso") { progress in
///     print(progress.byteCount, progress.expectedByteCount ?? 0)
/// }
/// ```
public struct DownloadProgress: Hashable, Sendable {
    /// How many bytes are in the file, what was there before included.
    public let byteCount: Int
    /// How many there will be, if the server has said so.
    public let expectedByteCount: Int?
}

/// Reports that a download can't be written to its file.
///
/// ```swift
/// reactor.downloadPage("http://example.com/large.iso", to: "/nowhere/large.iso").onFailure { error in
///     print(error)        // cannot write /nowhere/large.iso: open: No such file or directory
/// }
/// ```
public struct DownloadError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The file.
    public let path: String
    /// What the system says.
    public let cause: SystemError

    /// One line, and what to do where there is something to do.
    public var description: String {
        let advice =
            switch cause.code {
            case PartialFile.busy: ": another download is writing it"
            case PartialFile.symbolicLink: ": symbolic links are not followed here"
            case PartialFile.special: ": what has this name is no regular file"
            default: ""
            }
        return "cannot write \(path.debugDescription.dropFirst().dropLast()): \(cause)\(advice)"
    }
}
