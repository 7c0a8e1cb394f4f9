// The latest round trips of a server as a small curve. SVG attributes only: the page allows no inline styles.

import BowlineNames
import BowlineReactor

enum RoundTripCurve {
    private static let width = 132.0
    private static let height = 28.0

    /// An image with a text for those who don't see it; a dash if there is nothing to draw.
    static func draw(_ trips: [ServerSnapshot.RoundTrip], into markup: inout Markup) {
        guard trips.count > 1 else {
            markup.raw("<span class=\"faint\">–</span>")
            return
        }
        let values = trips.map(\.duration.inMilliseconds)
        let (lowest, highest) = (values.min() ?? 0, values.max() ?? 0)
        // A quiet line lies low; what varies fills the height.
        let top = max(highest, lowest * 1.5, 0.001)
        let step = (width - 6) / Double(values.count - 1)
        let points = values.enumerated().map { index, value in
            (x: 3 + Double(index) * step, y: height - 3 - (height - 6) * value / top)
        }
        let line = points.map { "\(InspectorText.decimal($0.x, 2)),\(InspectorText.decimal($0.y, 2))" }
            .joined(separator: " ")
        let label =
            "\(values.count) round trips, from \(InspectorText.duration(trips.map(\.duration).min() ?? .zero)) "
            + "to \(InspectorText.duration(trips.map(\.duration).max() ?? .zero))"
        markup.raw(
            "<svg class=\"curve\" viewBox=\"0 0 \(Int(width)) \(Int(height))\" width=\"\(Int(width))\" "
                + "height=\"\(Int(height))\" role=\"img\" aria-label=\"\(Markup.escaped(label))\">"
                + "<title>\(Markup.escaped(label))</title>"
                + "<polygon points=\"3,\(Int(height) - 2) \(line) \(Int(width) - 3),\(Int(height) - 2)\"/>"
                + "<polyline points=\"\(line)\"/>")
        if let last = points.last {
            markup.raw(
                "<circle cx=\"\(InspectorText.decimal(last.x, 2))\" cy=\"\(InspectorText.decimal(last.y, 2))\" r=\"2\"/>"
            )
        }
        markup.raw("</svg>")
    }
}
