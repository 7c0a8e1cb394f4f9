// The door to downloads. It is the reactor's, whose threads write the file.

public import BowlineDeferred
public import BowlineReactor

extension Reactor {
    /// Fetches a page into a file, however large it is, within a day.
    ///
    /// ```swift
    /// reactor.downloadPage("http://example.com/large.iso", to: "/srv/large.iso")
    ///     .addCallback { download in print(download.byteCount) }
    ///     .addErrback { error in print(error) }
    /// ```
    /// - Returns: as `downloadPage(_:to:observer:)`.
    public func downloadPage(_ url: String, to path: String) -> Deferred<Download> {
        var request = PageRequest(url)
        request.limits.bodyBytes = .max
        request.deadline = .seconds(24 * 60 * 60)
        return downloadPage(request, to: path)
    }

    /// Fetches what `request` asks for into a file.
    ///
    /// The bytes go to a file beside it, `.name.part`, which gets its name when all of them are on the disk: whatever happens,
    /// there is never half a page under that name. What an attempt leaves, the next one for the same URL and file goes on
    /// with, if the server says that the page is still the same (RFC 9110, 13.1.5 and 14.2).
    /// - Parameters:
    ///   - request: a GET, whose deadline and limits hold as in any fetch. Content codings are not undone, nor asked for.
    ///   - path: the file, in a folder that is there. A regular file of this name is replaced; a folder, device, pipe or
    ///     symbolic link is refused, and stays as it is.
    ///   - observer: told whenever something was written.
    /// - Returns: fires when the file is there. Fails with a `PageError`, also for any status outside 2xx, or with a
    ///   `DownloadError` when the file can't be written. `cancel()` closes the connection, and what was written stays.
    public func downloadPage(
        _ request: PageRequest, to path: String, observer: ((DownloadProgress) -> Void)? = nil
    ) -> Deferred<Download> {
        let url = request.url
        return PageDownload(request, to: path, self, observer: observer).start { try PartialFile(path, url: url) }
    }

    /// Fetches into something that only behaves like a file.
    package func downloadPage(_ request: PageRequest, into file: any DownloadFile) -> Deferred<Download> {
        PageDownload(request, to: "test", self, observer: nil).start { file }
    }
}
