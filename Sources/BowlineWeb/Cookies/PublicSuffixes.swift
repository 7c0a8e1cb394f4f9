// Which domains belong to many: `com`, `co.uk`, `github.io`. The list is Mozilla's, by libpsl, which has it built in.

import CPSL

enum PublicSuffixes {
    /// Whether nobody may set cookies for all of this domain. A domain that the list doesn't know is one if it has one
    /// label.
    ///
    /// - Parameter domain: in ASCII and lower case.
    static func contains(_ domain: String) -> Bool {
        // The built-in list is constant memory of the library's.
        psl_is_public_suffix(psl_builtin(), domain) != 0
    }
}
