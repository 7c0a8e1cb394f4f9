// The limit of GET over connections that are kept alive: epoll, one thread, the next request when a response is whole.
// Every response has the length of the first one, so nothing is parsed after that.
//
//   hot CONNECTIONS SECONDS HTTP_PORT
#include "limit.h"

static const char REQUEST[] = "GET /small HTTP/1.1\r\nHost: x\r\n\r\n";

static char buffer[65536];

static void ask(int fd) {
    if (write(fd, REQUEST, sizeof REQUEST - 1) != sizeof REQUEST - 1) die("write");
}

// Asks once and reads the response whole: the length of its head and of the body that its Content-Length promises. Blocks.
static size_t measure_response(int fd) {
    size_t length = 0, whole = sizeof buffer;
    ask(fd);
    while (length < whole) {
        ssize_t more = read(fd, buffer + length, sizeof buffer - 1 - length);
        if (more <= 0) die("read");
        length += (size_t)more;
        buffer[length] = 0;
        const char *end = strstr(buffer, "\r\n\r\n");
        const char *field = strcasestr(buffer, "\r\nContent-Length:");
        if (end && field) whole = (size_t)(end + 4 - buffer) + (size_t)atol(field + strlen("\r\nContent-Length:"));
    }
    return whole;
}

int main(int count, char **words) {
    if (count != 4) {
        fprintf(stderr, "usage: hot CONNECTIONS SECONDS HTTP_PORT\n");
        return 64;
    }
    int connections = atoi(words[1]);
    double duration = atof(words[2]);
    struct sockaddr_in address = loopback(atoi(words[3]));
    int epoll = epoll_create1(EPOLL_CLOEXEC);

    size_t whole = 0;
    size_t received[EVENTS_PER_WAIT] = { 0 };  // by connection
    int sockets[EVENTS_PER_WAIT];
    if (connections > EVENTS_PER_WAIT) connections = EVENTS_PER_WAIT;
    for (int i = 0; i < connections; i++) {
        sockets[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(sockets[i], (struct sockaddr *)&address, sizeof address) < 0) die("connect");
        set_no_delay(sockets[i]);
        if (i == 0) whole = measure_response(sockets[0]);
        watch(epoll, EPOLL_CTL_ADD, sockets[i], EPOLLIN, (uint64_t)i);
        ask(sockets[i]);
    }

    static struct epoll_event events[EVENTS_PER_WAIT];
    long responses = 0;
    double started = seconds();
    while (seconds() - started < duration) {
        int ready = epoll_wait(epoll, events, EVENTS_PER_WAIT, 100);
        for (int n = 0; n < ready; n++) {
            uint64_t i = events[n].data.u64;
            ssize_t length = read(sockets[i], buffer, sizeof buffer);
            if (length <= 0) die("read");
            received[i] += (size_t)length;
            if (received[i] < whole) continue;
            received[i] -= whole;
            responses++;
            ask(sockets[i]);
        }
    }
    report(started, responses, 0);
}
