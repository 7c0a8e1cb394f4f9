// How connecting to the addresses of an entry went: told by the connector, asked by the next one, and shown.

package import BowlineReactor
package import BowlineTransport

extension ResolverCache {
    /// Notes how connecting to an address of a name ended, for the order of later attempts and for inspection.
    ///
    /// - Parameter outcome: the connector's word for it, see `CacheEntry.ConnectRecord`.
    /// - Complexity: O(addresses of the name). Does nothing if the address isn't in the cache (any more).
    package func noteConnect(
        _ name: DomainName, _ address: IPAddress, outcome: String, duration: Duration?, now: ReactorInstant
    ) {
        if let shared { return shared.noteConnect(name, address, outcome: outcome, duration: duration, now: now) }
        let slot = table.find(name, address.family == .ipv4 ? .a : .aaaa)
        guard slot >= 0, table[slot].answer?.answer.addresses.contains(address) == true else { return }
        let record = CacheEntry.ConnectRecord(address: address, outcome: outcome, duration: duration, when: now)
        if let index = table[slot].connects.firstIndex(where: { $0.address == address }) {
            table[slot].connects[index] = record
        } else {
            table[slot].connects.append(record)
        }
        table[slot].changed = journal.next()
    }

    /// The last attempts to connect to the addresses of a name, as `noteConnect` was told.
    package func connects(_ name: DomainName, _ type: RecordType) -> [CacheEntry.ConnectRecord] {
        if let shared { return shared.connects(name, type) }
        let slot = table.find(name, type)
        return slot >= 0 ? table[slot].connects : []
    }
}
