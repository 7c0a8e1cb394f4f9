// The limit of looking names up: c-ares in epoll, one thread.
//
//   names COUNT IN_FLIGHT inet|unspec DNS_PORT
#include "limit.h"

static ares_channel channel;
static int family;
static long total, limit;
static long started_count, in_flight, ok, failed;

static void looked_up(void *context, int status, int timeouts, struct ares_addrinfo *addresses) {
    (void)context;
    (void)timeouts;
    in_flight--;
    if (status == ARES_SUCCESS) ok++;
    else failed++;
    if (addresses) ares_freeaddrinfo(addresses);
}

static void fill(void) {
    while (in_flight < limit && started_count < total) {
        in_flight++;
        look_up(channel, started_count++, family, looked_up);
    }
}

int main(int count, char **words) {
    if (count != 5) {
        fprintf(stderr, "usage: names COUNT IN_FLIGHT inet|unspec DNS_PORT\n");
        return 64;
    }
    total = atol(words[1]);
    limit = atol(words[2]);
    family = parse_family(words[3]);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    channel = open_channel(&epoll, atoi(words[4]));

    static struct epoll_event events[EVENTS_PER_WAIT];
    double started = seconds();
    fill();
    while (in_flight > 0 || started_count < total) {
        int ready = wait_with_ares(epoll, channel, events);
        for (int i = 0; i < ready; i++) serve_ares(channel, &events[i]);
        fill();
    }
    report(started, ok, failed);
}
