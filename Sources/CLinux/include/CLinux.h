// What the reactor and its transports need of Linux and what Swift's Glibc overlay does not import:
// epoll, eventfd, accept4, the batched datagram calls. Each wrapper is one call, so that Swift sees plain integers.
#ifndef BOWLINE_CLINUX_H
#define BOWLINE_CLINUX_H

#include <errno.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sys/uio.h>

// In CLinux.c, because these need _GNU_SOURCE, which would change how Swift imports the socket calls above.
int bowline_accept4(int fd, struct sockaddr *address, socklen_t *length, int flags);

// Asks the processor to bring an octet's neighbourhood near, and waits for nothing. Any address is allowed.
static inline void bowline_prefetch(const void *address) { __builtin_prefetch(address, 1, 3); }

// One datagram of a batch: payload in bytes[offset ..< offset+length], the peer's address beside it.
struct bowline_datagram {
    uint8_t *bytes;
    uint32_t length;            // in: capacity (receive) or size (send); out: size received
    int32_t truncated;          // out: the datagram was larger than the capacity
    socklen_t address_length;   // 0 on a connected socket
    struct sockaddr_storage address;
};

// At most BOWLINE_BATCH datagrams a call; returns how many went or came, or -1 with errno.
#define BOWLINE_BATCH 64
int bowline_recvmmsg(int fd, struct bowline_datagram *datagrams, unsigned int count);
int bowline_sendmmsg(int fd, const struct bowline_datagram *datagrams, unsigned int count);

// The same on a connected socket, for datagrams that stand in slots of one size: the i-th at bytes + i * slot. A datagram
// that is longer than its slot is cut.
int bowline_recv_slots(int fd, uint8_t *bytes, uint32_t slot, uint32_t *lengths, unsigned int count);
// Sends the slots that `order` names, in its order. With `cut`, neighbours of one length cross the kernel as one piece, which
// it cuts into datagrams at the end (UDP_SEGMENT): that takes a third of the time.
int bowline_send_slots(
    int fd, const uint8_t *bytes, uint32_t slot, const uint32_t *lengths, const uint8_t *order, unsigned int count, int cut);

#endif
