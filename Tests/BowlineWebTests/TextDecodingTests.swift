// From the bytes of a page to its text.

import Testing

@testable import BowlineWeb

@Suite("A page's text")
struct TextDecodingTests {
    private func text(_ body: [UInt8], _ contentType: String? = nil) -> String {
        Array((contentType ?? "").utf8).withUnsafeBytes { bytes in
            TextDecoding.text(of: body, contentType: contentType == nil ? nil : bytes)
        }
    }

    @Test("is UTF-8 when nothing says otherwise, and repaired where it isn't")
    func defaults() {
        #expect(text(Array("café".utf8)) == "café")
        #expect(text([0x63, 0xE9, 0x21]) == "c\u{FFFD}!")
        #expect(text([]) == "")
        #expect(text(Array("café".utf8), "application/json") == "café")
    }

    @Test("is what a byte order mark says before all else")
    func byteOrderMarks() {
        #expect(text([0xEF, 0xBB, 0xBF] + Array("ä".utf8), "text/html; charset=iso-8859-1") == "ä")
        #expect(text([0xFF, 0xFE, 0xE4, 0x00, 0x3D, 0xD8, 0x00, 0xDE], "text/plain; charset=utf-8") == "ä😀")
        #expect(text([0xFE, 0xFF, 0x00, 0xE4]) == "ä")
        #expect(text([0xFF, 0xFE, 0xE4, 0x00, 0x41]) == "ä\u{FFFD}")
        #expect(text([0xFF, 0xFE, 0x00, 0xD8, 0x41, 0x00]) == "\u{FFFD}A")
    }

    @Test(
        "is what the charset of the Content-Type says",
        arguments: [
            ("text/html; charset=iso-8859-1", [0xE4, 0x80] as [UInt8], "ä€"),
            ("text/html;charset=\"ISO-8859-1\"", [0xE4], "ä"),
            ("text/html; a=\"; charset=utf-16\"; Charset = Latin1 ", [0xE4], "ä"),
            ("text/plain; charset=windows-1252", [0x93, 0x81, 0x94], "“\u{81}”"),
            ("text/plain; charset=us-ascii", [0x41, 0xFF], "Aÿ"),
            ("text/plain; charset=utf-16", [0xE4, 0x00], "ä"),
            ("text/plain; charset=utf-16be", [0x00, 0xE4], "ä"),
            ("text/plain; charset=UTF8", [0xC3, 0xA4], "ä"),
            ("text/plain; charset=koi8-r", [0xC1, 0xC2], "аб"),
            ("text/plain; charset=windows-1251", [0xE0, 0xE1], "аб"),
            ("text/plain; charset=shift_jis", [0x93, 0xFA, 0x96, 0x7B], "日本"),
            ("text/plain; charset=euc-jp", [0xC6, 0xFC, 0xCB, 0xDC], "日本"),
            ("text/plain; charset=gb2312", [0xD6, 0xD0], "中"),
            ("text/plain; charset=big5", [0xA4, 0xA4], "中"),
            ("text/plain; charset=euc-kr", [0xB0, 0xA1], "가"),
            ("text/plain; charset=iso-8859-15", [0xA4], "€"),
            // Their converters keep the last letter back, in case an accent follows.
            ("text/plain; charset=windows-1258", [0x61, 0x62], "ab"),
            ("text/plain; charset=windows-1255", [0xE0, 0xE1], "אב"),
            // What doesn't decode is replaced, also at the end.
            ("text/plain; charset=euc-jp", [0x41, 0xFF, 0x42, 0xC6], "A\u{FFFD}B\u{FFFD}"),
            // Not an encoding of the web: as if nothing were said.
            ("text/plain; charset=utf-7", [0x2B, 0xC3, 0xA4], "+ä"),
            // What must not be decoded, so that nobody hides anything in it.
            ("text/plain; charset=iso-2022-cn-ext", [0xC3, 0xA4], "\u{FFFD}"),
            ("text/plain; charset=hz-gb-2312", [], ""),
            ("text/plain; charset=x-user-defined", [0x41, 0x80, 0xFF], "A\u{F780}\u{F7FF}"),
            ("text/plain; charset=x-mac-ukrainian", [0xA2, 0xDF], "Ґя"),
            ("text/plain; charset=iso-8859-8-i", [0xE0], "א"),
            ("text/plain; charset=iso-2022-jp", [0x1B, 0x24, 0x42, 0x46, 0x7C, 0x1B, 0x28, 0x42, 0x41], "日A"),
            ("text/plain; charset=", [0xC3, 0xA4], "ä"),
            ("text/plain; charset", [0xC3, 0xA4], "ä"),
            ("charset=iso-8859-1", [0xC3, 0xA4], "ä"),
        ])
    func contentType(contentType: String, body: [UInt8], expected: String) {
        #expect(text(body, contentType) == expected)
    }

    @Test("has an encoding for each of the 228 labels of the standard, and this system a converter for each encoding")
    func labels() {
        #expect(TextEncoding.allLabels.count == 228)
        for (label, encoding) in TextEncoding.allLabels {
            #expect(TextEncoding(label: " \(label.uppercased())\t") == encoding)
            guard encoding != .utf16LittleEndian, encoding != .utf16BigEndian, encoding != .replacement else {
                continue
            }
            // All but those are ASCII below 128; a missing converter would give the bytes as UTF-8.
            #expect(encoding.decode(Array("<html>".utf8)[...]) == "<html>", "\(label)")
            // Seven bits only.
            if encoding == .iconv("ISO-2022-JP") { continue }
            #expect(
                encoding.decode([0xA4, 0xE1, 0xC1][...]) != "\u{FFFD}\u{FFFD}\u{FFFD}" || encoding == .utf8, "\(label)")
        }
        for label in ["", "utf-7", "utf-32", "ebcdic-us", "iso-8859-12", "cesu-8", "bocu-1", "scsu"] {
            #expect(TextEncoding(label: label) == nil)
        }
    }

    @Test("survives more text than one conversion takes")
    func long() {
        let body = [UInt8](repeating: 0xC1, count: 100_000)
        #expect(text(body, "text/plain; charset=koi8-r") == String(repeating: "а", count: 100_000))
    }

    @Test(
        "is what a meta in its first 1024 bytes says",
        arguments: [
            ("<meta charset=iso-8859-1>", true), ("<META CHARSET = 'ISO-8859-1' >", true),
            ("<!DOCTYPE html><html a='b'><head><meta charset=\"latin1\">", true),
            ("<meta http-equiv=Content-Type content=\"text/html; charset=iso-8859-1\">", true),
            ("<meta content='text/html; charset=iso-8859-1' http-equiv='content-type'>", true),
            ("<meta name=x content='text/html; charset=iso-8859-1'>", false),
            ("<meta http-equiv=content-type content='text/html; charset = \"iso-8859-1\"'>", true),
            ("<meta charset=nonsense>", false), ("<!-- <meta charset=iso-8859-1> -->", false),
            ("<!--><meta charset=iso-8859-1>", true), ("<metadata charset=iso-8859-1>", false),
            ("<a title='<meta charset=iso-8859-1>'>", false), ("<meta/charset=iso-8859-1>", true),
            ("<meta charset=utf-8 charset=iso-8859-1>", false), ("<? <meta charset=iso-8859-1> ?>", false),
            ("<meta charset=utf-16>", false), ("<meta charset=iso-8859-1", false), ("<meta", false), ("<", false),
            (String(repeating: " ", count: 1_000) + "<meta charset=iso-8859-1>", false),
            (String(repeating: " ", count: 990) + "<meta charset=iso-8859-1>", true),
        ])
    func meta(markup: String, isLatin: Bool) {
        let page = Array(markup.utf8) + [0xC3, 0xA4]
        #expect(text(page, "text/html").hasSuffix(isLatin ? "\u{C3}\u{A4}" : "ä"))
        #expect(text(page).hasSuffix(isLatin ? "\u{C3}\u{A4}" : "ä"))
        // What isn't markup isn't searched, and what the head says counts first.
        #expect(text(page, "text/plain").hasSuffix("ä"))
        #expect(text(page, "text/html; charset=utf-8").hasSuffix("ä"))
    }
}
