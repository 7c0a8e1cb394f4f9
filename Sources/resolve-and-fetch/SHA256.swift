// The digest of a body.

import COpenSSL

enum SHA256 {
    /// The SHA-256 of the bytes in hexadecimal (FIPS 180-4). O(n).
    static func hex(of bytes: [UInt8]) -> String {
        // Reading openssl.cnf takes longer than a page's digest, and says nothing about it.
        OPENSSL_init_crypto(UInt64(OPENSSL_INIT_NO_LOAD_CONFIG), nil)
        var digest = [UInt8](repeating: 0, count: 32)
        let isDone = bytes.withUnsafeBytes { EVP_Digest($0.baseAddress, $0.count, &digest, nil, EVP_sha256(), nil) }
        precondition(isDone == 1, "libcrypto has no SHA-256")
        return digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
