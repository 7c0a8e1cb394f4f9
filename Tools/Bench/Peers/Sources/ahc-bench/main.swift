// AsyncHTTPClient on one event loop: GET over kept-alive connections. Prints `rate=FETCHES_PER_SECOND`. It can't do the cold
// fetches: it resolves with getaddrinfo, which asks no server on a port that was free.
//
//   ahc-bench COUNT CONNECTIONS HTTP_PORT

import AsyncHTTPClient
import Glibc
import NIOCore
import NIOPosix

let words = CommandLine.arguments
guard words.count == 4, let count = Int(words[1]), let limit = Int(words[2]), let port = Int(words[3]) else {
    print("usage: ahc-bench COUNT CONNECTIONS HTTP_PORT")
    exit(64)
}

/// Keeps `limit` fetches going until `count` are done. All on one event loop.
final class Load {
    private let client: HTTPClient
    private let loop: any EventLoop
    private let count: Int
    private let limit: Int
    private let port: Int
    private let done: EventLoopPromise<(ok: Int, failed: Int)>
    private var (started, inFlight, ok, failed) = (0, 0, 0, 0)

    init(
        _ client: HTTPClient, _ loop: any EventLoop, count: Int, limit: Int, port: Int,
        done: EventLoopPromise<(ok: Int, failed: Int)>
    ) {
        (self.client, self.loop, self.done) = (client, loop, done)
        (self.count, self.limit, self.port) = (count, limit, port)
    }

    func fill() {
        while inFlight < limit, started < count {
            started += 1
            inFlight += 1
            do {
                let request = try HTTPClient.Request(url: "http://127.0.0.1:\(port)/small")
                client.execute(request: request, eventLoop: .delegateAndChannel(on: loop)).hop(to: loop)
                    .assumeIsolated().whenComplete { result in self.finished((try? result.get()) != nil) }
            } catch {
                finished(false)
            }
        }
    }

    private func finished(_ good: Bool) {
        inFlight -= 1
        if good { ok += 1 } else { failed += 1 }
        if inFlight == 0, started == count { done.succeed((ok, failed)) } else { fill() }
    }
}

let loop = MultiThreadedEventLoopGroup(numberOfThreads: 1).next()
var configuration = HTTPClient.Configuration()
configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = limit
configuration.httpVersion = .http1Only
let client = HTTPClient(eventLoopGroupProvider: .shared(loop), configuration: configuration)
let done = loop.makePromise(of: (ok: Int, failed: Int).self)
let start = NIODeadline.now()
loop.execute { [client, loop, done] in
    Load(client, loop, count: count, limit: limit, port: port, done: done).fill()
}
let (ok, failed) = try done.futureResult.wait()
let seconds = Double((NIODeadline.now() - start).nanoseconds) / 1e9
print("rate=\(Double(ok) / seconds) ok=\(ok) failed=\(failed)")
exit(0)
