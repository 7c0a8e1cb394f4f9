// International names, by libidn2 with the tables of UTS 46: from what people write to what the DNS holds, and back.
// Called only for names with a character beyond ASCII or with an xn-- label: libidn2 would refuse names that exist, such
// as "r3---sn-x.test", and it is slow. It never sees a control character; DomainName has looked before.

internal import CIDN2

/// The conversions between the two forms of an international name.
package enum IDNA {
    /// Non-transitional, so that ß and the joiners keep their meaning, and with NFC (UTS 46, 4; IDNA2008).
    private static let flags = Int32(IDN2_NFC_INPUT.rawValue | IDN2_NONTRANSITIONAL.rawValue)

    /// The characters that end a label in text (UTS 46, 2.3).
    package static let dots: Set<Unicode.Scalar> = [".", "\u{3002}", "\u{FF0E}", "\u{FF61}"]

    /// Converts each label that needs it to its ASCII form and checks those that have it already.
    ///
    /// Label by label, for a name may have a label that is fine in the DNS but not in IDNA (`_dmarc.bücher.example`).
    static func asciiForm(of text: String) throws(NameError) -> String {
        var ascii = ""
        var label = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            if dots.contains(scalar) {
                ascii += try asciiLabel(String(label), in: text)
                ascii += "."
                label = String.UnicodeScalarView()
            } else {
                label.append(scalar)
            }
        }
        ascii += try asciiLabel(String(label), in: text)
        return ascii
    }

    /// Whether libidn2 merely doesn't know the characters: IDNA2008 has no symbols, and new letters come each year. Such
    /// names exist (xn--i-7iq.ws); where one comes encoded nothing is left to convert.
    private static func isOnlyUnlisted(_ status: Int32) -> Bool {
        status == IDN2_DISALLOWED.rawValue || status == IDN2_UNASSIGNED.rawValue
    }

    private static func asciiLabel(_ label: String, in text: String) throws(NameError) -> String {
        if label.utf8.allSatisfy({ $0 < 0x80 }), !isEncoded(label) { return label }
        var output: UnsafeMutablePointer<UInt8>?
        let status = idn2_lookup_u8(label, &output, flags)
        defer { idn2_free(output) }
        if isEncoded(label), isOnlyUnlisted(status) { return label }
        guard status == IDN2_OK.rawValue, let output else {
            throw NameError(text: text, reason: reason(status))
        }
        return String(cString: output)
    }

    /// Converts the xn-- labels of a name to Unicode. A label that doesn't decode, or doesn't come back from what it
    /// decodes to, stays as it is: who copies what is displayed must get the same name.
    static func unicodeForm(of text: String) -> String {
        text.split(separator: ".", omittingEmptySubsequences: false).map { label in
            guard isEncoded(label) else { return String(label) }
            var output: UnsafeMutablePointer<CChar>?
            let status = idn2_to_unicode_8z8z(String(label), &output, flags)
            defer { idn2_free(output) }
            guard status == IDN2_OK.rawValue, let output else { return String(label) }
            let decoded = String(cString: output)
            guard (try? asciiForm(of: decoded)) == label.lowercased() else { return String(label) }
            return decoded
        }.joined(separator: ".")
    }

    private static func isEncoded(_ label: some StringProtocol) -> Bool {
        label.utf8.count >= 4 && label.utf8.prefix(4).map(ASCII.lowercase).elementsEqual("xn--".utf8)
    }

    private static func reason(_ status: Int32) -> NameError.Reason {
        switch status {
        case IDN2_TOO_BIG_LABEL.rawValue, IDN2_PUNYCODE_BIG_OUTPUT.rawValue: return .labelTooLong
        case IDN2_TOO_BIG_DOMAIN.rawValue: return .nameTooLong
        default:
            guard let words = idn2_strerror(status) else { return .international("libidn2 says \(status)") }
            return .international(String(cString: words))
        }
    }
}

extension DomainName {
    /// The name as people read it: each `xn--` label decoded, if it is valid and comes back when it is encoded again
    /// (UTS 46, ToUnicode).
    ///
    /// For display only, beside ``text``: it may contain any letter of any script, also ones that look like others.
    ///
    /// - Complexity: O(length of the name).
    public var unicode: String { IDNA.unicodeForm(of: text) }
}
