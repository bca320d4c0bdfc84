/*
 * Closed loops over Corosync's closed process group: each proposer sends its next message when its last one was delivered here.
 *
 *   cpg_load NODE MEMBERS PROPOSERS BYTES WARM_UP_SECONDS SECONDS
 *
 * Waits until MEMBERS processes have joined the group, runs, and prints one line of JSON: how many messages of this node's
 * proposers were delivered here while it counted, and how often each latency in microseconds was seen. Messages are delivered
 * in one sequence everywhere (CPG_TYPE_AGREED); nothing is written to disk.
 */
#include <corosync/cpg.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>

#define LONGEST 10000000u /* microseconds; what takes longer counts as this */
#define SILENCE_MS 20000  /* nothing at all for so long: something is broken */

struct header {
    uint32_t node;
    uint32_t proposer;
};

static uint32_t us, wanted, proposers, bytes;
static uint64_t from, until, delivered, joined, open_messages;
static uint64_t *since;
static uint32_t *counts;
static unsigned char *waiting; /* this proposer's message could not be sent yet */
static char *buffer;

static uint64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

static void fail(const char *what, int code) {
    fprintf(stderr, "cpg_load: %s: error %d\n", what, code);
    exit(1);
}

/* A full send queue is no error: the loop tries again after the next deliveries. */
static void send_one(cpg_handle_t handle, uint32_t proposer) {
    struct header header = {us, proposer};
    memcpy(buffer, &header, sizeof header);
    struct iovec part = {buffer, bytes};
    cs_error_t error = cpg_mcast_joined(handle, CPG_TYPE_AGREED, &part, 1);
    if (error != CS_OK && error != CS_ERR_TRY_AGAIN) fail("cpg_mcast_joined", error);
    waiting[proposer] = error != CS_OK;
}

static void propose(cpg_handle_t handle, uint32_t proposer) {
    since[proposer] = now_us();
    open_messages++;
    send_one(handle, proposer);
}

static void deliver(cpg_handle_t handle, const struct cpg_name *group, uint32_t node, uint32_t pid,
                    void *message, size_t length) {
    (void)group, (void)node, (void)pid;
    struct header header;
    if (length < sizeof header) return;
    memcpy(&header, message, sizeof header);
    if (header.node != us || header.proposer >= proposers) return;
    uint64_t now = now_us();
    open_messages--;
    if (now >= from && now < until) {
        uint64_t took = now - since[header.proposer];
        delivered++;
        counts[took < LONGEST ? took : LONGEST]++;
    }
    if (now < until) propose(handle, header.proposer);
}

static void changed(cpg_handle_t handle, const struct cpg_name *group, const struct cpg_address *members, size_t count,
                    const struct cpg_address *left, size_t left_count, const struct cpg_address *new_ones, size_t new_count) {
    (void)handle, (void)group, (void)members, (void)left, (void)left_count, (void)new_ones, (void)new_count;
    joined = count;
}

static void step(cpg_handle_t handle, int fd) {
    struct pollfd poll_fd = {fd, POLLIN, 0};
    int stalled = 0;
    for (uint32_t p = 0; p < proposers; p++) stalled |= waiting[p];
    int ready = poll(&poll_fd, 1, stalled ? 1 : SILENCE_MS);
    if (ready < 0 || (ready == 0 && !stalled)) fail("nothing was delivered for too long", ready);
    cs_error_t error = cpg_dispatch(handle, CS_DISPATCH_ALL);
    if (error != CS_OK) fail("cpg_dispatch", error);
    for (uint32_t p = 0; p < proposers; p++)
        if (waiting[p]) send_one(handle, p);
}

int main(int argc, char **argv) {
    if (argc != 7) fail("usage: cpg_load NODE MEMBERS PROPOSERS BYTES WARM_UP_SECONDS SECONDS", argc);
    us = (uint32_t)atoi(argv[1]), wanted = (uint32_t)atoi(argv[2]);
    proposers = (uint32_t)atoi(argv[3]), bytes = (uint32_t)atoi(argv[4]);
    uint64_t warm_up = (uint64_t)(atof(argv[5]) * 1e6), length = (uint64_t)(atof(argv[6]) * 1e6);
    since = calloc(proposers + 1, sizeof *since);
    waiting = calloc(proposers + 1, 1);
    counts = calloc(LONGEST + 1, sizeof *counts);
    buffer = calloc(1, bytes < sizeof(struct header) ? sizeof(struct header) : bytes);
    if (!since || !waiting || !counts || !buffer) fail("memory", 0);

    cpg_callbacks_t callbacks = {deliver, changed};
    cpg_handle_t handle;
    cs_error_t error = cpg_initialize(&handle, &callbacks);
    if (error != CS_OK) fail("cpg_initialize", error);
    struct cpg_name group = {5, "bench"};
    error = cpg_join(handle, &group);
    if (error != CS_OK) fail("cpg_join", error);
    int fd;
    cpg_fd_get(handle, &fd);
    while (joined < wanted) step(handle, fd);

    from = now_us() + warm_up;
    until = from + length;
    for (uint32_t p = 0; p < proposers; p++) propose(handle, p);
    while (open_messages > 0) step(handle, fd);
    /* Others may still run; who leaves early does not disturb them once the time is over. */
    while (now_us() < until) {
        struct pollfd poll_fd = {fd, POLLIN, 0};
        poll(&poll_fd, 1, 10);
        cpg_dispatch(handle, CS_DISPATCH_ALL);
    }

    printf("{\"Seen\":{\"delivered\":%" PRIu64 ",\"latencies\":[", delivered);
    const char *comma = "";
    for (uint32_t took = 0; took <= LONGEST; took++)
        if (counts[took]) printf("%s[%u,%u]", comma, took, counts[took]), comma = ",";
    printf("]}}\n");
    cpg_finalize(handle);
    return 0;
}
