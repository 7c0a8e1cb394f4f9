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

int bowline_send_slots(
    int fd, const uint8_t *bytes, uint32_t slot, const uint32_t *lengths, const uint8_t *order, unsigned int count, int cut
) {
    struct mmsghdr messages[BOWLINE_BATCH];
    struct iovec vectors[BOWLINE_BATCH];
    // For the one number that says where to cut.
    union { struct cmsghdr head; char bytes[CMSG_SPACE(sizeof(uint16_t))]; } controls[BOWLINE_BATCH];
    unsigned int pieces = 0;
    if (count > BOWLINE_BATCH) count = BOWLINE_BATCH;
    for (unsigned int i = 0; i < count; i++) {
        uint32_t length = lengths[order[i]];
        vectors[i] = (struct iovec){ (void *)(bytes + (size_t)order[i] * slot), length };
        if (cut && i > 0 && length == vectors[i - 1].iov_len) {
            struct msghdr *piece = &messages[pieces - 1].msg_hdr;
            piece->msg_iovlen++;
            if (piece->msg_control) continue;
            struct cmsghdr *head = &controls[pieces - 1].head;
            *head = (struct cmsghdr){ CMSG_LEN(sizeof(uint16_t)), SOL_UDP, UDP_SEGMENT };
            memcpy(CMSG_DATA(head), &(uint16_t){ (uint16_t)length }, sizeof(uint16_t));
            piece->msg_control = head;
            piece->msg_controllen = sizeof controls[0];
        } else {
            memset(&messages[pieces], 0, sizeof messages[0]);
            messages[pieces].msg_hdr.msg_iov = &vectors[i];
            messages[pieces++].msg_hdr.msg_iovlen = 1;
        }
    }
    int left = sendmmsg(fd, messages, pieces, MSG_DONTWAIT | MSG_NOSIGNAL);
    int sent = left < 0 ? left : 0;
    for (int i = 0; i < left; i++) sent += (int)messages[i].msg_hdr.msg_iovlen;
    return sent;
}
