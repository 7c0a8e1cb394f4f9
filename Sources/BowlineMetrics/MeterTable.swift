// The metrics that a reporter has made, by label and dimensions, and how far each counter has been told.

import CoreMetrics

final class MeterTable {
    private struct Key: Hashable {
        var label: String
        var values: [String]
    }

    private let factory: any MetricsFactory
    private let common: [(String, String)]
    private var counters: [Key: (counter: Counter, told: Int)] = [:]
    private var gauges: [Key: Gauge] = [:]

    init(factory: any MetricsFactory, dimensions: [(String, String)]) {
        self.factory = factory
        common = dimensions
    }

    /// Makes a counter grow to `total`. One that is smaller than what was told comes from somebody who began anew, another
    /// resolver, and counts from 0.
    func count(_ label: String, upTo total: Int, _ dimensions: [(String, String)] = []) {
        let key = Key(label: label, values: dimensions.map(\.1))
        let known = counters[key]
        let counter = known?.counter ?? Counter(label: label, dimensions: common + dimensions, factory: factory)
        let told = known?.told ?? 0
        counters[key] = (counter, total)
        let growth = total < told ? total : total - told
        if growth > 0 { counter.increment(by: growth) }
    }

    /// Says how much there is of something now.
    func set(_ label: String, to value: Double, _ dimensions: [(String, String)] = []) {
        let key = Key(label: label, values: dimensions.map(\.1))
        let gauge = gauges[key] ?? Gauge(label: label, dimensions: common + dimensions, factory: factory)
        gauges[key] = gauge
        gauge.record(value)
    }
}

@available(*, unavailable)
extension MeterTable: Sendable {}
