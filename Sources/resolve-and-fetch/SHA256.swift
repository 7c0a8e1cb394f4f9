// The digest of a body, made as it comes.

import Bowline
import COpenSSL

final class SHA256 {
    private let context: OpaquePointer

    init() {
        // Reading openssl.cnf takes longer than a page's digest, and says nothing about it.
        OPENSSL_init_crypto(UInt64(OPENSSL_INIT_NO_LOAD_CONFIG), nil)
        guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else {
            preconditionFailure("libcrypto has no SHA-256")
        }
        self.context = context
    }

    deinit { EVP_MD_CTX_free(context) }

    func update(_ bytes: RawSpan) {
        bytes.withUnsafeBytes { bytes in
            let isDone = EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
            precondition(isDone == 1, "SHA-256 fails")
        }
    }

    /// The SHA-256 of all bytes in hexadecimal (FIPS 180-4); to be asked for once.
    func hex() -> String {
        var digest = [UInt8](repeating: 0, count: 32)
        precondition(EVP_DigestFinal_ex(context, &digest, nil) == 1, "SHA-256 fails")
        return digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
