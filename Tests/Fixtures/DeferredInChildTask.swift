// Child tasks run beside their parent: `gather` is there instead.
import Bowline

func fixture(_ deferred: Deferred<Int>) async throws -> Int {
    async let one = deferred.value
    async let two = deferred.value
    return try await one + two
}
