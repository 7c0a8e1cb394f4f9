// swift-tools-version: 6.2
// The targets are the map of the project: each may import only what stands above it here.

import PackageDescription

/// CI turns warnings into errors; a user's newer compiler must not.
let strictness: [SwiftSetting] =
    Context.environment["CI"] == nil ? [] : [.treatAllWarnings(as: .error)]

let settings: [SwiftSetting] =
    strictness + [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InferIsolatedConformances"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    ]

/// The release command carries its libraries, Swift's and the system's: loading and relocating twenty of them would take
/// longer than a fetch. So it needs nothing but glibc where it runs, and has to be built again for a library's update to
/// reach it; with BOWLINE_SHARED in the environment it uses the system's shared ones. SwiftPM bars such flags from other
/// packages' products only, and these don't use the command.
let archives =
    Context.environment["BOWLINE_SHARED"] == nil ? ["-L", "\(Context.packageDirectory)/Sources/Archives"] : []
let commandLinking =
    ["-static-stdlib", "-l_FoundationCShims", "-l_FoundationCollections", "-use-ld=lld"] + archives + [
        // 50,000 addresses to relocate, packed into a twentieth of the room that has to be read at each start.
        "-Xlinker", "-z", "-Xlinker", "pack-relative-relocs",
        // Nobody looks up the command's own symbols, ten thousand of them.
        "-Xlinker", "--no-export-dynamic",
    ]

let package = Package(
    name: "bowline",
    products: [
        .library(name: "Bowline", targets: ["Bowline"]),
        .library(name: "BowlineMetrics", targets: ["BowlineMetrics"]),
        .library(name: "BowlineStore", targets: ["BowlineStore"]),
        .library(name: "BowlineTesting", targets: ["BowlineTesting"]),
        .executable(name: "resolve-and-fetch", targets: ["resolve-and-fetch"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
    ],
    targets: [
        // C borders: system calls that Glibc's overlay lacks, and the system's libraries.
        .target(name: "CLinux"),
        .systemLibrary(name: "CAres"),
        .systemLibrary(name: "CIDN2"),
        .systemLibrary(name: "COpenSSL"),
        .systemLibrary(name: "CPSL"),
        .systemLibrary(name: "CZlib"),
        .systemLibrary(name: "CBrotli"),
        .systemLibrary(name: "CZstd"),

        // The library, from the value that is not there yet to the page.
        .target(name: "BowlineDeferred", swiftSettings: settings),
        .target(name: "BowlineReactor", dependencies: ["BowlineDeferred", "CLinux"], swiftSettings: settings),
        .target(
            name: "BowlineTransport",
            dependencies: ["BowlineReactor", "BowlineDeferred", "CLinux", "COpenSSL"],
            swiftSettings: settings),
        .target(
            name: "BowlineNames",
            dependencies: [
                "BowlineTransport", "BowlineReactor", "BowlineDeferred", "CLinux", "CAres", "CIDN2",
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings),
        .target(
            name: "BowlineConnect",
            dependencies: ["BowlineNames", "BowlineTransport", "BowlineReactor", "BowlineDeferred"],
            swiftSettings: settings),
        .target(
            name: "BowlineWeb",
            dependencies: [
                "BowlineConnect", "BowlineNames", "BowlineTransport", "BowlineReactor", "BowlineDeferred", "CBrotli",
                "CPSL", "CZlib", "CZstd", .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "HeapModule", package: "swift-collections"),
            ],
            swiftSettings: settings),
        // What users add who want it: a product of its own, so that the others link no database.
        .systemLibrary(name: "CSQLite"),
        .target(
            name: "BowlineStore",
            dependencies: ["BowlineNames", "BowlineTransport", "BowlineReactor", "BowlineDeferred", "CSQLite"],
            swiftSettings: settings),
        .target(
            name: "Bowline",
            dependencies: [
                "BowlineWeb", "BowlineConnect", "BowlineNames", "BowlineTransport", "BowlineReactor", "BowlineDeferred",
            ],
            swiftSettings: settings),

        // The bridge to swift-metrics, a product of its own: who doesn't want it links nothing of it.
        .target(
            name: "BowlineMetrics",
            dependencies: [
                "BowlineNames", "BowlineTransport", "BowlineReactor", "BowlineDeferred",
                .product(name: "CoreMetrics", package: "swift-metrics"),
            ],
            swiftSettings: settings),

        // The test kit, a product of its own, and the command.
        .target(name: "BowlineTesting", dependencies: ["Bowline"], swiftSettings: settings),
        .executableTarget(
            name: "resolve-and-fetch",
            dependencies: [
                "Bowline", "BowlineStore", "BowlineTesting", "COpenSSL",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings,
            linkerSettings: [.unsafeFlags(commandLinking, .when(configuration: .release))]),

        // Real servers and subprocesses for tests; knows nothing of the library.
        .target(name: "TestSupport", path: "Tests/Support", swiftSettings: settings),
        .testTarget(name: "TestSupportTests", dependencies: ["TestSupport"], swiftSettings: settings),

        .testTarget(name: "BowlineDeferredTests", dependencies: ["BowlineDeferred"], swiftSettings: settings),
        .testTarget(
            name: "BowlineReactorTests", dependencies: ["Bowline", "BowlineTesting", "TestSupport", "CLinux"],
            swiftSettings: settings),
        .testTarget(
            name: "BowlineTransportTests", dependencies: ["Bowline", "BowlineTesting", "TestSupport", "CLinux"],
            swiftSettings: settings),
        .testTarget(
            name: "BowlineNamesTests",
            dependencies: [
                "Bowline", "BowlineTesting", "TestSupport", "CLinux", .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings),
        .testTarget(
            name: "BowlineStoreTests",
            dependencies: ["BowlineStore", "Bowline", "BowlineTesting", "TestSupport", "CSQLite"],
            swiftSettings: settings),
        .testTarget(
            name: "BowlineConnectTests", dependencies: ["Bowline", "BowlineTesting", "TestSupport", "CLinux"],
            swiftSettings: settings),
        .testTarget(
            name: "BowlineWebTests",
            dependencies: [
                "Bowline", "BowlineTesting", "TestSupport", "CBrotli", "CLinux", "CZlib", "CZstd",
                .product(name: "HTTPTypes", package: "swift-http-types"),
            ],
            swiftSettings: settings),
        .testTarget(
            name: "BowlineMetricsTests",
            dependencies: [
                "BowlineMetrics", "Bowline", "BowlineTesting",
                .product(name: "CoreMetrics", package: "swift-metrics"),
                .product(name: "MetricsTestKit", package: "swift-metrics"),
            ],
            swiftSettings: settings),
        .testTarget(
            name: "DocumentationTests", dependencies: ["Bowline", "BowlineTesting", "TestSupport"],
            swiftSettings: settings),
        .testTarget(
            name: "CommandTests",
            dependencies: [
                "resolve-and-fetch", "Bowline", "BowlineTesting", "TestSupport",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings),
    ]
)
