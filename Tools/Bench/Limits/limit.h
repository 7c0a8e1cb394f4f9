// What the limit programs share: a clock, epoll, non-blocking sockets and a c-ares channel in epoll.
//
// A limit program does a comparison's work in plain C with as little as possible around it: it checks nothing that it
// needn't, and frees nothing at its end. It shows what the machine and the servers allow; it isn't a client to copy.
// Each prints one line for the bench to read: `rate=UNITS_PER_SECOND ok=COUNT failed=COUNT`.
#ifndef BOWLINE_LIMIT_H
#define BOWLINE_LIMIT_H

#define _GNU_SOURCE
#include <ares.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS_PER_WAIT = 1024 };

static inline double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static inline void report(double started, long ok, long failed) {
    printf("rate=%.1f ok=%ld failed=%ld\n", (double)ok / (seconds() - started), ok, failed);
}

static inline void die(const char *what) {
    perror(what);
    exit(1);
}

static inline void watch(int epoll, int operation, int fd, uint32_t events, uint64_t tag) {
    struct epoll_event event = { .events = events, .data.u64 = tag };
    epoll_ctl(epoll, operation, fd, &event);
}

static inline struct sockaddr_in loopback(int port) {
    return (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
}

static inline void set_no_delay(int fd) {
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

// A socket that is connecting, or connected already; -1 if it can't.
static inline int start_connecting(const struct sockaddr_in *address) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    set_no_delay(fd);
    if (connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 || errno == EINPROGRESS) return fd;
    close(fd);
    return -1;
}

// Tells c-ares' sockets in epoll from all others.
static const uint64_t ARES_TAG = 1ull << 63;

// c-ares says here what it waits for on a socket; nothing at all comes just before it closes it.
static inline void ares_socket_changed(void *epoll, ares_socket_t fd, int readable, int writable) {
    int set = *(int *)epoll;
    if (!readable && !writable) {
        watch(set, EPOLL_CTL_DEL, fd, 0, 0);
        return;
    }
    struct epoll_event event = {
        .events = (readable ? EPOLLIN : 0u) | (writable ? EPOLLOUT : 0u),
        .data.u64 = ARES_TAG | (uint64_t)fd,
    };
    if (epoll_ctl(set, EPOLL_CTL_MOD, fd, &event) < 0) epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
}

// One channel to one server on loopback, its socket kept open. `epoll` must outlive it.
static inline ares_channel open_channel(int *epoll, int dns_port) {
    struct ares_options options = {
        .flags = ARES_FLAG_STAYOPEN,
        .lookups = "b",  // DNS only, no hosts file
        .sock_state_cb = ares_socket_changed,
        .sock_state_cb_data = epoll,
        .socket_receive_buffer_size = 4 << 20,
    };
    ares_channel channel;
    char server[32];
    snprintf(server, sizeof server, "127.0.0.1:%d", dns_port);
    if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS
        || ares_init_options(&channel, &options,
               ARES_OPT_FLAGS | ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB | ARES_OPT_SOCK_RCVBUF) != ARES_SUCCESS
        || ares_set_servers_ports_csv(channel, server) != ARES_SUCCESS) {
        fprintf(stderr, "c-ares does not start\n");
        exit(1);
    }
    return channel;
}

// Waits for events until c-ares' next timeout, and serves the timeouts if it was that.
static inline int wait_with_ares(int epoll, ares_channel channel, struct epoll_event *events) {
    struct timeval longest = { .tv_sec = 1 }, buffer;
    struct timeval *next = ares_timeout(channel, &longest, &buffer);
    int count = epoll_wait(epoll, events, EVENTS_PER_WAIT, (int)(next->tv_sec * 1000 + next->tv_usec / 1000));
    if (count == 0) ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    return count;
}

// Hands an event of c-ares' sockets to it; an error counts as readable, or the loop would spin on it.
static inline void serve_ares(ares_channel channel, const struct epoll_event *event) {
    int fd = (int)(event->data.u64 & ~ARES_TAG);
    ares_process_fd(channel,
        event->events & ~(uint32_t)EPOLLOUT ? fd : ARES_SOCKET_BAD,
        event->events & EPOLLOUT ? fd : ARES_SOCKET_BAD);
}

// Asks for the address of nNUMBER.bench.test: a name that no cache has seen.
static inline void look_up(ares_channel channel, long number, int family, ares_addrinfo_callback done) {
    char name[64];
    snprintf(name, sizeof name, "n%ld.bench.test", number);
    struct ares_addrinfo_hints hints = { .ai_family = family, .ai_flags = ARES_AI_NOSORT };
    ares_getaddrinfo(channel, name, NULL, &hints, done, NULL);
}

// `inet` asks for A only, `unspec` for A and AAAA.
static inline int parse_family(const char *word) {
    return strcmp(word, "unspec") == 0 ? AF_UNSPEC : AF_INET;
}

#endif
