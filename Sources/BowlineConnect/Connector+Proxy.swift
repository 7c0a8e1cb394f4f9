// A connector with a proxy: connects to that, has it connect to the target, and goes on as if it had connected itself.

import BowlineNames
import BowlineReactor
import BowlineTransport

extension Connector {
    /// The proxy, where there is one to use: a UNIX socket is never behind one.
    var proxy: Proxy? {
        guard let proxy = options.proxy, case .host = target else { return nil }
        return proxy
    }

    /// Makes what the proxy is asked for; on failure all is over.
    func prepareProxying() -> Bool {
        proxiedTarget = nil
        guard case .host(let host, let port) = target, !options.isForwarding else { return true }
        if let address = IPAddress(host) {
            proxiedTarget = ProxiedTarget(host: .address(address), port: port)
            return true
        }
        do throws(NameError) {
            let name = try DomainName(host)
            // The proxy may have a search list of its own: an absolute name stays one.
            proxiedTarget = ProxiedTarget(host: .name(host.utf8.last == 0x2E ? "\(name.text)." : name.text), port: port)
            return true
        } catch {
            lose(.badName(error))
            return false
        }
    }

    /// The context for TLS with the proxy, one for all connectors with the same configuration; where there can be none, all
    /// is over.
    func proxyContext(_ proxy: Proxy) -> TLSContext? {
        do throws(TLSError) {
            return try environment.tlsContext(for: proxy.tls)
        } catch {
            lose(.proxyTLS(error))
            return nil
        }
    }

    /// Begins the TLS handshake with the proxy, under the same timeout.
    func secureProxy(_ connection: any DialedConnection, _ proxy: Proxy) {
        guard let context = proxyContext(proxy) else { return connection.close() }
        let peer = connection.peer
        let securing = TLSConnection(context, name: proxy.serverName) { [self] result in
            proxyHandshakeEnded(result, proxy, peer)
        }
        phase = .securingProxy(securing)
        abandonAll(.cancelled)
        connectedTime = clock.now
        // Its end is told as the outcome of the handshake.
        connection.start(securing, onEnd: nil)
    }

    private func proxyHandshakeEnded(
        _ result: Result<TLSInfo, TLSError>, _ proxy: Proxy, _ peer: SocketAddress
    ) -> (any Protocol)? {
        guard case .securingProxy(let securing) = phase else { return nil }
        switch result {
        case .failure(let error):
            lose(securing.finalEnd == .stopped ? .stopped : .proxyTLS(error))
            return nil
        case .success(let info):
            observer?(.proxySecured(info))
            if let proxiedTarget {
                return beginTunnel(proxy, to: proxiedTarget, peer)
            }
            // Requests are forwarded: whoever speaks, speaks with the proxy.
            hand(securing, to: peer, [])
            return nil
        }
    }

    /// Asks the proxy to connect, under the same timeout.
    func tunnel(_ connection: any DialedConnection, _ proxy: Proxy, to target: ProxiedTarget) {
        let tunnel = beginTunnel(proxy, to: target, connection.peer)
        abandonAll(.cancelled)
        connectedTime = clock.now
        // Its end is told as the outcome of the tunnel.
        connection.start(tunnel, onEnd: nil)
    }

    private func beginTunnel(_ proxy: Proxy, to target: ProxiedTarget, _ peer: SocketAddress) -> ProxyTunnel {
        let tunnel = ProxyTunnel(proxy, to: target) { [self] result in tunnelEnded(result, peer) }
        phase = .tunneling(tunnel)
        return tunnel
    }

    private func tunnelEnded(_ result: Result<[UInt8], ProxyError>, _ peer: SocketAddress) {
        guard case .tunneling(let tunnel) = phase else { return }
        switch result {
        case .failure(let error):
            lose(tunnel.isReactorStopped ? .stopped : .proxy(error))
        case .success(let rest):
            guard let transport = tunnel.transport as? any SwitchableTransport else {
                // Every transport of this project can be handed over; a foreign dialer's may not.
                lose(.proxy(ProxyError(.failed, "connections of this dialer can't pass through a proxy")))
                return
            }
            tunnel.transport = nil
            tunneledTime = clock.now
            hand(transport, to: peer, rest)
        }
    }

    /// Goes on with the connection that the proxy has made.
    ///
    /// - Parameter rest: what came from the target behind the proxy's answer: a server that speaks first was quick.
    private func hand(_ transport: any SwitchableTransport, to peer: SocketAddress, _ rest: [UInt8]) {
        if let tlsContext {
            secure(peer, tlsContext) { securing, onEnd in
                transport.takeOver(securing, onEnd: onEnd)
                securing.makeConnection(transport)
            }
            if !rest.isEmpty, case .securing(let securing) = phase { securing.dataReceived(rest.span.bytes) }
            return
        }
        phase = .starting(isUnwanted: false)
        stopTrying(.cancelled)
        guard let made = factory.buildProtocol(peer) else {
            transport.loseConnection()
            phase = .declined
            queueDelivery()
            return
        }
        transport.takeOver(made) { [self] reason in connectionEnded(reason) }
        made.makeConnection(transport)
        hand(transport, to: made)
        if !rest.isEmpty, transport.isConnected { made.dataReceived(rest.span.bytes) }
    }
}
