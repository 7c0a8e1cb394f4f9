// swift-tools-version: 6.2
// The benchmarks, in a package of their own: nothing here is resolved or built by those who use Bowline.

import PackageDescription

let package = Package(
    name: "bowline-bench",
    dependencies: [
        .package(name: "bowline", path: "../..")
    ],
    targets: [
        .target(name: "CAllocations"),
        .executableTarget(
            name: "bowline-bench",
            dependencies: [
                "CAllocations",
                .product(name: "Bowline", package: "bowline"),
                .product(name: "BowlineTesting", package: "bowline"),
            ],
            swiftSettings: [.swiftLanguageMode(.v6), .enableUpcomingFeature("ExistentialAny")]),
    ]
)
