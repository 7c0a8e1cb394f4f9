// The limit of an echo server and its client: epoll, one thread each, 64 bytes to and fro on every connection.
//
//   echo server PORT                          until it is killed; prints `listening` when it can be connected to
//   echo client PORT CONNECTIONS SECONDS      round trips a second over all connections
#include "limit.h"

enum { MESSAGE = 64 };

static struct epoll_event events[EVENTS_PER_WAIT];
static char buffer[65536];

static void accept_all(int epoll, int listener) {
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        set_no_delay(fd);
        watch(epoll, EPOLL_CTL_ADD, fd, EPOLLIN, (uint64_t)fd);
    }
}

// 64 bytes always fit into an idle socket's buffer: a short write doesn't happen here.
static void echo_back(int fd) {
    ssize_t length = read(fd, buffer, sizeof buffer);
    if (length <= 0 || write(fd, buffer, (size_t)length) != length) close(fd);
}

static void serve(int port) {
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    struct sockaddr_in address = loopback(port);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 4096) < 0) die("listen");
    watch(epoll, EPOLL_CTL_ADD, listener, EPOLLIN, (uint64_t)listener);
    puts("listening");
    fflush(stdout);
    for (;;) {
        int ready = epoll_wait(epoll, events, EVENTS_PER_WAIT, -1);
        for (int i = 0; i < ready; i++) {
            int fd = (int)events[i].data.u64;
            if (fd == listener) accept_all(epoll, listener);
            else echo_back(fd);
        }
    }
}

static void measure(int port, int connections, double duration) {
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct sockaddr_in address = loopback(port);
    char message[MESSAGE];
    memset(message, 'A', sizeof message);
    for (int i = 0; i < connections; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) die("connect");
        set_no_delay(fd);
        watch(epoll, EPOLL_CTL_ADD, fd, EPOLLIN, (uint64_t)fd);
        if (write(fd, message, sizeof message) != sizeof message) die("write");
    }
    long round_trips = 0, failed = 0;
    double started = seconds();
    while (seconds() - started < duration) {
        int ready = epoll_wait(epoll, events, EVENTS_PER_WAIT, 100);
        for (int i = 0; i < ready; i++) {
            int fd = (int)events[i].data.u64;
            if (read(fd, buffer, sizeof buffer) > 0 && write(fd, message, sizeof message) == sizeof message) {
                round_trips++;
            } else {
                close(fd);
                failed++;
            }
        }
    }
    report(started, round_trips, failed);
}

int main(int count, char **words) {
    if (count == 3 && strcmp(words[1], "server") == 0) serve(atoi(words[2]));
    if (count == 5 && strcmp(words[1], "client") == 0) {
        measure(atoi(words[2]), atoi(words[3]), atof(words[4]));
        return 0;
    }
    fprintf(stderr, "usage: echo server PORT | echo client PORT CONNECTIONS SECONDS\n");
    return 64;
}
