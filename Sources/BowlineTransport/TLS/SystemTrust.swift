// The system's authorities. OpenSSL knows two forms of the same store: a folder in which each certificate stands under its
// hash and is read when a chain needs it, and a bundle of all, which takes 15 ms to read. Where there is the folder, the
// bundle is left alone.

import COpenSSL
import Glibc

enum SystemTrust {
    /// Has a context believe the system's authorities.
    static func load(into context: OpaquePointer) {
        let isFileNamed = X509_get_default_cert_file_env().flatMap { getenv($0) } != nil
        SSL_CTX_set_default_verify_dir(context)
        if isFileNamed || !isHashed(folder) { SSL_CTX_set_default_verify_file(context) }
        ERR_clear_error()
    }

    private static var folder: String? {
        let named = X509_get_default_cert_dir_env().flatMap { getenv($0) }
        return (named.map { UnsafePointer($0) } ?? X509_get_default_cert_dir()).map { String(cString: $0) }
    }

    /// Whether a folder has files named as OpenSSL looks for them: eight hexadecimal digits and `.0`.
    private static func isHashed(_ folder: String?) -> Bool {
        guard let folder, let stream = opendir(folder) else { return false }
        defer { closedir(stream) }
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { $0.prefix { $0 != 0 }.map { $0 } }
            if name.count == 10, name.hasSuffix(".0") { return true }
        }
        return false
    }
}

extension [UInt8] {
    fileprivate func hasSuffix(_ text: String) -> Bool { suffix(text.utf8.count).elementsEqual(text.utf8) }
}
