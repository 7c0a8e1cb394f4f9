// The limit of a cold fetch: resolve a name that nobody has asked for, connect, GET, read to the end, close.
// c-ares in epoll, one thread; the response isn't parsed.
//
//   cold COUNT IN_FLIGHT inet|unspec DNS_PORT HTTP_PORT
#include "limit.h"

static const char REQUEST[] = "GET /small HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

static int epoll, http_port, family;
static ares_channel channel;
static long total, limit;
static long started_count, in_flight, ok, failed;

static void finish(bool good) {
    in_flight--;
    if (good) ok++;
    else failed++;
}

static void looked_up(void *context, int status, int timeouts, struct ares_addrinfo *addresses) {
    (void)context;
    (void)timeouts;
    if (status != ARES_SUCCESS || !addresses->nodes) {
        if (addresses) ares_freeaddrinfo(addresses);
        finish(false);
        return;
    }
    struct sockaddr_in address = *(struct sockaddr_in *)addresses->nodes->ai_addr;  // the zone has IPv4 only
    ares_freeaddrinfo(addresses);
    address.sin_port = htons((uint16_t)http_port);
    int fd = start_connecting(&address);
    if (fd < 0) finish(false);
    else watch(epoll, EPOLL_CTL_ADD, fd, EPOLLOUT, (uint64_t)fd);
}

static void fill(void) {
    while (in_flight < limit && started_count < total) {
        in_flight++;
        look_up(channel, started_count++, family, looked_up);
    }
}

static void end_connection(int fd, bool good) {
    close(fd);
    finish(good);
}

static void connected(int fd) {
    int error = 0;
    socklen_t length = sizeof error;
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
    if (error || write(fd, REQUEST, sizeof REQUEST - 1) != sizeof REQUEST - 1) end_connection(fd, false);
    else watch(epoll, EPOLL_CTL_MOD, fd, EPOLLIN, (uint64_t)fd);
}

static void readable(int fd) {
    static char buffer[65536];
    ssize_t length;
    while ((length = read(fd, buffer, sizeof buffer)) > 0) {}
    if (length == 0) end_connection(fd, true);
    else if (errno != EAGAIN) end_connection(fd, false);
}

int main(int count, char **words) {
    if (count != 6) {
        fprintf(stderr, "usage: cold COUNT IN_FLIGHT inet|unspec DNS_PORT HTTP_PORT\n");
        return 64;
    }
    total = atol(words[1]);
    limit = atol(words[2]);
    family = parse_family(words[3]);
    http_port = atoi(words[5]);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    channel = open_channel(&epoll, atoi(words[4]));

    static struct epoll_event events[EVENTS_PER_WAIT];
    double started = seconds();
    fill();
    while (in_flight > 0 || started_count < total) {
        int ready = wait_with_ares(epoll, channel, events);
        for (int i = 0; i < ready; i++) {
            int fd = (int)events[i].data.u64;
            if (events[i].data.u64 & ARES_TAG) serve_ares(channel, &events[i]);
            else if (events[i].events & EPOLLOUT) connected(fd);
            else readable(fd);
        }
        fill();
    }
    report(started, ok, failed);
}
