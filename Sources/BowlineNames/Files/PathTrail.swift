// Which names are looked up on the way to a file. A change of any of them may make the path mean another file: a folder
// that is swapped by a symbolic link, as in a mounted Kubernetes ConfigMap, as much as the file itself.

import Glibc

/// The way of a path to its file, through every folder and symbolic link.
struct PathTrail {
    /// A name, and the folder in which it is looked up. No part of the folder is a symbolic link.
    struct Step: Hashable {
        var folder: String
        var name: String
    }

    /// How many links the kernel follows (path_resolution(7)).
    private static let maximumLinks = 40

    /// Each lookup, in order. Where something is missing, its name is the last.
    private(set) var steps: [Step] = []
    /// What the path leads to; nil if there is nothing, or a folder.
    private(set) var file: String?

    /// Follows `path`, which is absolute. Blocks.
    init(of path: String) {
        var pending = Self.names(in: path)
        var folder = "/"
        var links = 0
        while let name = pending.popLast() {
            if name == ".." {
                folder = Self.parent(of: folder)
                continue
            }
            steps.append(Step(folder: folder, name: String(name)))
            let here = folder == "/" ? "/\(name)" : "\(folder)/\(name)"
            var status = stat()
            guard lstat(here, &status) == 0 else { return }
            switch status.st_mode & S_IFMT {
            case S_IFLNK:
                links += 1
                guard links <= Self.maximumLinks, let target = Self.target(of: here) else { return }
                if target.hasPrefix("/") { folder = "/" }
                pending += Self.names(in: target)
            case S_IFDIR:
                folder = here
            default:
                if pending.isEmpty { file = here }
                return
            }
        }
    }

    /// The names of a path, the last one first.
    private static func names(in path: String) -> [Substring] {
        path.split(separator: "/").filter { $0 != "." }.reversed()
    }

    private static func parent(of folder: String) -> String {
        let above = folder.split(separator: "/").dropLast().joined(separator: "/")
        return "/\(above)"
    }

    private static func target(of link: String) -> String? {
        let octets = [UInt8](unsafeUninitializedCapacity: Int(PATH_MAX)) { buffer, count in
            count = buffer.withMemoryRebound(to: CChar.self) { bytes in
                bytes.baseAddress.map { max(0, readlink(link, $0, bytes.count)) } ?? 0
            }
        }
        return octets.isEmpty ? nil : String(decoding: octets, as: UTF8.self)
    }
}
