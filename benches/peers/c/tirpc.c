/* ONC RPC by libtirpc, UDP and TCP: a number there and back.
 *
 *   tirpc serve udp|tcp CORE           prints where it serves, and does so for ever
 *   tirpc call udp|tcp ADDRESS CORE SECONDS   prints one line of JSON
 *
 * A core of -1 is wherever the scheduler likes.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <rpc/rpc.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

enum { PROGRAM = 0x20000056, VERSION = 1, ECHO = 1, WARM_UP = 5000, SAMPLES_MAX = 1 << 22 };

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void pin(int core) {
    if (core < 0)
        return;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    if (sched_setaffinity(0, sizeof set, &set))
        fail("pin");
}

static void dispatch(struct svc_req *request, SVCXPRT *transport) {
    uint64_t number = 0;
    switch (request->rq_proc) {
    case NULLPROC:
        svc_sendreply(transport, (xdrproc_t)xdr_void, NULL);
        return;
    case ECHO:
        if (!svc_getargs(transport, (xdrproc_t)xdr_uint64_t, &number)) {
            svcerr_decode(transport);
            return;
        }
        svc_sendreply(transport, (xdrproc_t)xdr_uint64_t, &number);
        return;
    default:
        svcerr_noproc(transport);
    }
}

static int bound(int kind, struct sockaddr_in *address) {
    int socket_ = socket(AF_INET, kind, 0);
    socklen_t length = sizeof *address;
    memset(address, 0, sizeof *address);
    address->sin_family = AF_INET;
    address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (socket_ < 0 || bind(socket_, (struct sockaddr *)address, length) ||
        getsockname(socket_, (struct sockaddr *)address, &length))
        fail("bind");
    return socket_;
}

static int serve(int is_udp, int core) {
    pin(core);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    struct sockaddr_in address;
    int socket_ = bound(is_udp ? SOCK_DGRAM : SOCK_STREAM, &address);
    if (!is_udp && listen(socket_, 16))
        fail("listen");
    SVCXPRT *transport = is_udp ? svcudp_create(socket_) : svctcp_create(socket_, 0, 0);
    /* Protocol 0: no port mapper is told. */
    if (!transport || !svc_register(transport, PROGRAM, VERSION, dispatch, 0)) {
        fprintf(stderr, "no transport\n");
        return 1;
    }
    printf("127.0.0.1:%d\n", ntohs(address.sin_port));
    fflush(stdout);
    svc_run();
    return 1;
}

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static int by_value(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static int call(int is_udp, const char *where, int core, double seconds) {
    pin(core);
    char host[64] = "";
    int port = 0;
    if (sscanf(where, "%63[^:]:%d", host, &port) != 2) {
        fprintf(stderr, "%s: not an address\n", where);
        return 1;
    }
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    inet_pton(AF_INET, host, &address.sin_addr);
    int socket_ = RPC_ANYSOCK;
    struct timeval wait = {5, 0};
    CLIENT *client = is_udp ? clntudp_create(&address, PROGRAM, VERSION, wait, &socket_)
                            : clnttcp_create(&address, PROGRAM, VERSION, &socket_, 0, 0);
    if (!client) {
        clnt_pcreateerror("no client");
        return 1;
    }
    uint64_t *samples = malloc(SAMPLES_MAX * sizeof *samples);
    if (!samples)
        fail("memory");
    size_t count = 0;
    uint64_t begin = 0, before = 0;
    for (uint64_t number = 1;; number++) {
        uint64_t back = 0;
        enum clnt_stat how = clnt_call(client, ECHO, (xdrproc_t)xdr_uint64_t, (caddr_t)&number,
                                       (xdrproc_t)xdr_uint64_t, (caddr_t)&back, wait);
        if (how != RPC_SUCCESS || back != number) {
            clnt_perror(client, "a call");
            return 1;
        }
        uint64_t after = now();
        if (number <= WARM_UP) {
            begin = after;
        } else {
            samples[count++] = after - before;
            if (count == SAMPLES_MAX || after - begin > (uint64_t)(seconds * 1e9))
                break;
        }
        before = after;
    }
    qsort(samples, count, sizeof *samples, by_value);
    printf("{\"p50_ns\":%lu,\"p99_ns\":%lu,\"calls\":%zu}\n", samples[count / 2], samples[count * 99 / 100], count);
    return 0;
}

int main(int argc, char **argv) {
    if (argc == 4 && !strcmp(argv[1], "serve"))
        return serve(!strcmp(argv[2], "udp"), atoi(argv[3]));
    if (argc == 6 && !strcmp(argv[1], "call"))
        return call(!strcmp(argv[2], "udp"), argv[3], atoi(argv[4]), atof(argv[5]));
    fprintf(stderr, "usage: tirpc serve udp|tcp CORE; tirpc call udp|tcp ADDRESS CORE SECONDS\n");
    return 2;
}
