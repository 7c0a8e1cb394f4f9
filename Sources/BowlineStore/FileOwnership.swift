// Whose the file is. Who can write it decides where names lead, so it has to be its user's alone; and so does its folder, for who
// can write there can put another file in its place.

import BowlineReactor
import Glibc

enum FileOwnership {
    /// What SQLite reads besides the file itself.
    private static let suffixes = ["", "-wal", "-shm"]

    /// Checks what is there of a file that is about to be opened.
    ///
    /// - Throws: `exposed` if somebody else than this user (or, for the folder, the superuser) owns it or may write there.
    static func check(_ path: String) throws(CacheStoreError) {
        let user = geteuid()
        if let status = status(of: path.folder) {
            guard status.st_uid == user || status.st_uid == 0 else {
                throw exposed(path, "its folder belongs to another user (uid \(status.st_uid))")
            }
            // With the sticky bit, as in /tmp, everybody may make files there, but none may take another's away.
            guard status.st_mode & S_IWOTH == 0 || status.st_mode & S_ISVTX != 0 else {
                throw exposed(path, "everybody may write to its folder")
            }
        }
        for suffix in suffixes {
            guard let status = status(of: path + suffix), status.st_mode & S_IFMT == S_IFREG else { continue }
            guard status.st_uid == user else {
                throw exposed(path, "\(path + suffix) belongs to another user (uid \(status.st_uid))")
            }
            guard status.st_mode & (S_IWGRP | S_IWOTH) == 0 else {
                throw exposed(path, "others may write to it; if none has, chmod go-w \(path + suffix)")
            }
        }
    }

    /// Nil for what isn't there or can't be seen: opening it says so.
    private static func status(of path: String) -> stat? {
        var status = stat()
        return stat(path, &status) == 0 ? status : nil
    }

    private static func exposed(_ path: String, _ detail: String) -> CacheStoreError {
        CacheStoreError(.exposed, path: path, detail: detail)
    }
}

extension String {
    /// The folder of the file at this path.
    var folder: String {
        lastIndex(of: "/").map { $0 == startIndex ? "/" : String(self[..<$0]) } ?? "."
    }
}
