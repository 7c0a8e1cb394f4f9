// What becomes a name, what doesn't, and what it then says.

import Bowline
import Testing

@Suite("A domain name")
struct DomainNameTests {
    @Test(
        "is accepted as people and zones write it, in lower case and without the last dot",
        arguments: [
            ("example.com", "example.com"), ("EXAMPLE.Com.", "example.com"), ("a", "a"), (".", ""),
            ("r3---sn-x.test", "r3---sn-x.test"), ("_dmarc._tcp.example", "_dmarc._tcp.example"),
            ("*.example", "*.example"), ("-a-.test", "-a-.test"), ("1.2.3", "1.2.3"), ("xn-a.test", "xn-a.test"),
            (String(repeating: "a", count: 63) + ".test", String(repeating: "a", count: 63) + ".test"),
        ])
    func accepted(text: String, canonical: String) throws {
        let name = try DomainName(text)
        #expect(name.text == canonical)
        #expect(try name == DomainName(text.uppercased()))
        #expect(name.isRoot == canonical.isEmpty)
    }

    @Test(
        "is refused with the reason",
        arguments: [
            ("", NameError.Reason.empty), ("a..b", .emptyLabel), (".a", .emptyLabel), ("..", .emptyLabel),
            ("a..", .emptyLabel), (String(repeating: "a", count: 64) + ".test", .labelTooLong),
            ("test." + String(repeating: "a", count: 64), .labelTooLong),
            ("exa mple.test", .forbiddenCharacter(" ")), ("a\u{0}b", .forbiddenCharacter("\0")),
            ("a\tb", .forbiddenCharacter("\t")), ("a\u{7F}", .forbiddenCharacter("\u{7F}")),
            ("[::1]", .forbiddenCharacter("[")), ("::1", .forbiddenCharacter(":")), ("a/b", .forbiddenCharacter("/")),
            ("u@h", .forbiddenCharacter("@")), ("a\\b", .forbiddenCharacter("\\")), ("a%2e", .forbiddenCharacter("%")),
            ("bü cher.test", .forbiddenCharacter(" ")), ("ü..test", .emptyLabel),
        ])
    func refused(text: String, reason: NameError.Reason) {
        let error = #expect(throws: NameError.self) { try DomainName(text) }
        #expect(error?.reason == reason)
        #expect(error?.text == text)
        #expect(error?.description.contains("\n") == false)
    }

    @Test("has at most 253 characters, 255 octets on the wire")
    func length() throws {
        let label = String(repeating: "a", count: 63)
        let longest = "\(label).\(label).\(label).\(String(repeating: "b", count: 61))"
        #expect(longest.utf8.count == 253)
        #expect(try DomainName(longest).wireFormat.count == 255)
        #expect(try DomainName(longest + ".").text == longest)
        #expect(throws: NameError(text: longest + "b", reason: .nameTooLong)) { try DomainName(longest + "b") }
    }

    @Test(
        "converts international labels, by UTS 46 without the transitional rules",
        arguments: [
            ("bücher.test", "xn--bcher-kva.test"), ("BÜCHER.test.", "xn--bcher-kva.test"),
            ("bu\u{308}cher.test", "xn--bcher-kva.test"), ("faß.test", "xn--fa-hia.test"),
            ("日本語。test", "xn--wgv71a119e.test"), ("a\u{FF0E}b\u{FF61}c", "a.b.c"),
            ("xn--bcher-kva.test", "xn--bcher-kva.test"), ("XN--BCHER-KVA.test", "xn--bcher-kva.test"),
            ("_dmarc.bücher.test", "_dmarc.xn--bcher-kva.test"),
            ("r3---sn-x.bücher.test", "r3---sn-x.xn--bcher-kva.test"),
            ("ｅｘａｍｐｌｅ.test", "example.test"), ("soft\u{AD}hyphen.test", "softhyphen.test"),
            ("xn--n3h.test", "xn--n3h.test"), ("XN--i-7iq.test", "xn--i-7iq.test"),
            ("１２７.0.0.1", "127.0.0.1"),
        ])
    func international(text: String, ascii: String) throws {
        #expect(try DomainName(text).text == ascii)
    }

    @Test(
        "refuses what is no valid international name",
        arguments: [
            "xn--a.test", "xn--.test", "a\u{200D}b.test", "\u{AD}.test", "\u{FFFD}.test", "\u{202E}a.test", "☃.test",
            "ab\u{2F}ü",
        ])
    func notInternational(text: String) {
        #expect(throws: NameError.self) { try DomainName(text) }
    }

    @Test("keeps to the length of a label after the conversion")
    func internationalLength() {
        let long = String(repeating: "ü", count: 60)
        #expect(throws: NameError(text: long, reason: .labelTooLong)) { try DomainName(long) }
    }

    @Test(
        "shows international labels as people write them",
        arguments: [
            ("xn--bcher-kva.test", "bücher.test"), ("xn--fa-hia.test", "faß.test"), ("plain.test", "plain.test"),
        ])
    func unicode(ascii: String, shown: String) throws {
        #expect(try DomainName(ascii).unicode == shown)
    }

    @Test(
        "shows a label as it is that would be another when copied back",
        arguments: [
            // A wide letter, a ligature, a Roman number and a joiner in the wrong place; a heart; what decodes to nothing.
            "xn--bc-bz3n.test", "xn--x-sy8h.test", "xn--x4g.test", "xn--ab-m1t.test", "xn--i-7iq.test", "xn--abc-.test",
            "r3---sn-x.test",
        ])
    func noRoundTrip(ascii: String) throws {
        // As from the wire, where such names may stand.
        #expect(try DomainName(escaped: ascii).unicode == ascii)
    }

    @Test(
        "takes every octet in DNS notation and gives it back",
        arguments: [
            ("a\\.b.test", "a\\.b.test", 2), ("A\\\\b", "a\\\\b", 1), ("\\000x.test", "\\000x.test", 2),
            ("\\065.test", "a.test", 2), ("\\255", "\\255", 1), ("a.", "a", 1), (".", "", 0), ("\\032", "\\032", 1),
        ])
    func escaped(text: String, canonical: String, labels: Int) throws {
        let name = try DomainName(escaped: text)
        #expect(name.text == canonical)
        #expect(name.labels.count == labels)
        #expect(try DomainName(escaped: name.description) == name)
    }

    @Test("refuses bad notation", arguments: ["", "a..b", "a\\", "a\\25", "a\\256", "ü", "a b"])
    func badEscapes(text: String) {
        #expect(throws: NameError.self) { try DomainName(escaped: text) }
    }

    @Test("gives its labels and its octets")
    func wire() throws {
        let name = try DomainName("Ab.c")
        #expect(name.wireFormat == [2, 0x61, 0x62, 1, 0x63, 0])
        #expect(name.labels == [[0x61, 0x62], [0x63]])
        #expect(DomainName.root.wireFormat == [0])
        #expect(DomainName.root.description == ".")
        #expect(DomainName.wireFormat(ofSpelling: "Ab.C") == [2, 0x41, 0x62, 1, 0x43, 0])
    }

    @Test(
        "knows what it is below",
        arguments: [
            ("a.localhost", "localhost", true), ("localhost", "localhost", true), ("alocalhost", "localhost", false),
            ("a\\.localhost", "localhost", false), ("a\\\\.localhost", "localhost", true),
            ("localhost", "a.localhost", false),
        ])
    func below(name: String, parent: String, isBelow: Bool) throws {
        #expect(try DomainName(escaped: name).isEqualOrBelow(DomainName(parent)) == isBelow)
        #expect(try DomainName(escaped: name).isEqualOrBelow(.root))
    }

    @Test(
        "says whether it ends in a number",
        arguments: [
            ("1.2.3", true), ("0x7f.1", true), ("foo.0x7F", true), ("0x", true), ("1.0.0.127.in-addr.arpa", false),
            ("a1", false), ("1a", false), ("foo.0xg", false), (".", false),
        ])
    func number(text: String, endsInNumber: Bool) throws {
        #expect(try DomainName(text).endsInNumber == endsInNumber)
    }

    @Test("the hash tells apart names of any length that differ in one octet, or in their length alone")
    func hash() {
        var texts: Set<String> = [""]
        for length in 1...40 {
            let text = String(repeating: "a", count: length)
            texts.insert(text)
            for place in 0..<length {
                var octets = Array(text.utf8)
                octets[place] = UInt8(ascii: "b")
                texts.insert(String(decoding: octets, as: UTF8.self))
            }
        }
        let hashes = texts.map { DomainName(canonical: $0).storedHash }
        #expect(Set(hashes).count == texts.count)
        // A table takes the lowest bits: none of its chains may hold most of them.
        let chains = Dictionary(grouping: hashes) { $0 & 63 }.mapValues(\.count)
        #expect(chains.count > 48 && chains.values.allSatisfy { $0 < 50 })
        #expect(DomainName(canonical: "a.test").storedHash == DomainName(canonical: "a.test").storedHash)
    }
}

@Suite("The small vocabulary")
struct VocabularyTests {
    @Test("record types have names, and RFC 3597's for the rest")
    func types() {
        #expect(RecordType(name: "aaaa") == .aaaa)
        #expect(RecordType(name: "Https")?.rawValue == 65)
        #expect(RecordType(name: "TYPE65") == .https)
        #expect(RecordType(name: "type65280")?.description == "TYPE65280")
        for wrong in ["", "TYPE", "TYPE-1", "TYPE+1", "TYPE65536", "B"] { #expect(RecordType(name: wrong) == nil) }
    }

    @Test("response codes are put together from both parts")
    func codes() {
        #expect(ResponseCode(header: 0xF3, extended: 0) == .nxdomain)
        #expect(ResponseCode(header: 0, extended: 1) == .badVers)
        #expect("\(ResponseCode(header: 1, extended: 0xFF))" == "RCODE4081")
        #expect("\(ResponseCode.servFail)" == "SERVFAIL")
    }

    @Test("an extended error stays on its line")
    func extendedErrors() {
        #expect("\(ExtendedError(code: 22))" == "No Reachable Authority (22)")
        #expect("\(ExtendedError(code: 15, text: "a\nb\u{1B}[31m\u{202E}"))" == "Blocked (15): a b [31m ")
        #expect("\(ExtendedError(code: 999, text: "x"))" == "Extended error (999): x")
    }
}
