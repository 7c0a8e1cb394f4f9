#define _GNU_SOURCE
#include "CLinux.h"
#include <string.h>

int bowline_accept4(int fd, struct sockaddr *address, socklen_t *length, int flags) {
    return accept4(fd, address, length, flags);
}

int bowline_recvmmsg(int fd, struct bowline_datagram *datagrams, unsigned int count) {
    struct mmsghdr messages[BOWLINE_BATCH];
    struct iovec vectors[BOWLINE_BATCH];
    if (count > BOWLINE_BATCH) count = BOWLINE_BATCH;
    for (unsigned int i = 0; i < count; i++) {
        vectors[i] = (struct iovec){ datagrams[i].bytes, datagrams[i].length };
        memset(&messages[i], 0, sizeof messages[i]);
        messages[i].msg_hdr.msg_iov = &vectors[i];
        messages[i].msg_hdr.msg_iovlen = 1;
        messages[i].msg_hdr.msg_name = &datagrams[i].address;
        messages[i].msg_hdr.msg_namelen = sizeof datagrams[i].address;
    }
    int received = recvmmsg(fd, messages, count, MSG_DONTWAIT, 0);
    for (int i = 0; i < received; i++) {
        datagrams[i].length = messages[i].msg_len;
        datagrams[i].address_length = messages[i].msg_hdr.msg_namelen;
        datagrams[i].truncated = (messages[i].msg_hdr.msg_flags & MSG_TRUNC) != 0;
    }
    return received;
}

int bowline_sendmmsg(int fd, const struct bowline_datagram *datagrams, unsigned int count) {
    struct mmsghdr messages[BOWLINE_BATCH];
    struct iovec vectors[BOWLINE_BATCH];
    if (count > BOWLINE_BATCH) count = BOWLINE_BATCH;
    for (unsigned int i = 0; i < count; i++) {
        vectors[i] = (struct iovec){ datagrams[i].bytes, datagrams[i].length };
        memset(&messages[i], 0, sizeof messages[i]);
        messages[i].msg_hdr.msg_iov = &vectors[i];
        messages[i].msg_hdr.msg_iovlen = 1;
        messages[i].msg_hdr.msg_name = datagrams[i].address_length ? (void *)&datagrams[i].address : 0;
        messages[i].msg_hdr.msg_namelen = datagrams[i].address_length;
    }
    return sendmmsg(fd, messages, count, MSG_DONTWAIT | MSG_NOSIGNAL);
}

int bowline_recv_slots(int fd, uint8_t *bytes, uint32_t slot, uint32_t *lengths, unsigned int count) {
    struct mmsghdr messages[BOWLINE_BATCH];
    struct iovec vectors[BOWLINE_BATCH];
    if (count > BOWLINE_BATCH) count = BOWLINE_BATCH;
    memset(messages, 0, count * sizeof messages[0]);
    for (unsigned int i = 0; i < count; i++) {
        vectors[i] = (struct iovec){ bytes + (size_t)i * slot, slot };
        messages[i].msg_hdr.msg_iov = &vectors[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    int received = recvmmsg(fd, messages, count, MSG_DONTWAIT, 0);
    for (int i = 0; i < received; i++) lengths[i] = messages[i].msg_len;
    return received;
}

int bowline_send_slots(int fd, const uint8_t *bytes, uint32_t slot, const uint32_t *lengths, unsigned int count) {
    struct mmsghdr messages[BOWLINE_BATCH];
    struct iovec vectors[BOWLINE_BATCH];
    if (count > BOWLINE_BATCH) count = BOWLINE_BATCH;
    memset(messages, 0, count * sizeof messages[0]);
    for (unsigned int i = 0; i < count; i++) {
        vectors[i] = (struct iovec){ (void *)(bytes + (size_t)i * slot), lengths[i] };
        messages[i].msg_hdr.msg_iov = &vectors[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    return sendmmsg(fd, messages, count, MSG_DONTWAIT | MSG_NOSIGNAL);
}
