/* ONC RPC by libtirpc, over UDP and over TCP. Its procedure takes opaque bytes and answers with opaque bytes.
 *
 * cc -O2 -pthread -I/usr/include/tirpc tirpc.c -ltirpc -o tirpc
 *
 * Its client blocks, so that several calls are outstanding where several threads call, each by a client of its own; one
 * thread serves them all in svc_run. Memory that messages are decoded into is the same from call to call.
 */
#include "peer.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <rpc/rpc.h>

enum {
    PROGRAM = 0x20000056,
    VERSION = 1,
    ANSWER = 1,
    DATAGRAM_BYTES_MAX = 65504,  /* What IPv4 can carry, in whole words. */
    HEADER_BYTES_MAX = 64,       /* More than a call's or an answer's, with neither credentials nor a verifier. */
    STREAM_BUFFER_BYTES = 1 << 18, /* The largest that libtirpc allows. */
    RETRY_SECONDS = 1, /* Of a datagram that was lost. */
    WAIT_SECONDS = 60
};

/* Memory that a message is decoded into, or that one is encoded from. */
struct message {
    char *at;
    u_int length, room;
};

/* As xdr_bytes has it on the wire, but with memory that is kept. */
static bool_t xdr_message(XDR *xdr, struct message *message) {
    if (!xdr_u_int(xdr, &message->length))
        return FALSE;
    if (xdr->x_op == XDR_DECODE && message->length > message->room) {
        message->at = allocate(message->at, message->length);
        message->room = message->length;
    }
    return xdr->x_op == XDR_FREE || xdr_opaque(xdr, message->at, message->length);
}

/* --- The side that serves --- */

static struct message last_short, last_long;

/* A request: long ones have memory of their own, as they are kept until they are asked for. */
static bool_t xdr_request(XDR *xdr, struct message **request) {
    u_int length = 0;
    if (xdr->x_op == XDR_FREE)
        return TRUE;
    if (!xdr_u_int(xdr, &length))
        return FALSE;
    *request = is_long(length) ? &last_long : &last_short;
    if (length > (*request)->room) {
        (*request)->at = allocate((*request)->at, length);
        (*request)->room = length;
    }
    (*request)->length = length;
    return xdr_opaque(xdr, (*request)->at, length);
}

static void dispatch(struct svc_req *call, SVCXPRT *transport) {
    struct message *request = NULL;
    if (call->rq_proc != ANSWER) {
        svcerr_noproc(transport);
        return;
    }
    if (!svc_getargs(transport, (xdrproc_t)xdr_request, (caddr_t)&request)) {
        svcerr_decode(transport);
        return;
    }
    unsigned char room[FACTS_BYTES];
    struct bytes answer;
    answers((struct bytes){request->at, request->length}, (struct bytes){last_long.at, last_long.length}, room, &answer);
    struct message reply = {(char *)answer.at, (u_int)answer.length, 0};
    svc_sendreply(transport, (xdrproc_t)xdr_message, (caddr_t)&reply);
}

/* Of that kind; what is small is not held back. */
static int internet_socket(int kind) {
    int on = 1, fd = socket(AF_INET, kind, 0);
    /* A connection has it from the socket that listens. */
    if (fd < 0 || (kind == SOCK_STREAM && setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on)))
        fail("no socket: %m");
    return fd;
}

static void serve(int kind) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int fd = internet_socket(kind);
    if (bind(fd, (struct sockaddr *)&address, length) || getsockname(fd, (struct sockaddr *)&address, &length) ||
        (kind == SOCK_STREAM && listen(fd, SOMAXCONN)))
        fail("no address to serve at: %m");
    SVCXPRT *transport = kind == SOCK_DGRAM ? svcudp_bufcreate(fd, DATAGRAM_BYTES_MAX, DATAGRAM_BYTES_MAX)
                                            : svctcp_create(fd, STREAM_BUFFER_BYTES, STREAM_BUFFER_BYTES);
    /* Protocol 0: no port mapper is told. */
    if (!transport || !svc_register(transport, PROGRAM, VERSION, dispatch, 0))
        fail("libtirpc has no transport");
    char where[32];
    snprintf(where, sizeof where, "127.0.0.1:%d", ntohs(address.sin_port));
    tell(where);
    svc_run();
}

static void serve_udp(void) {
    serve(SOCK_DGRAM);
}

static void serve_tcp(void) {
    serve(SOCK_STREAM);
}

/* --- The side that calls --- */

static _Thread_local CLIENT *client;
static _Thread_local struct message reply;

static void open_by(int kind, const char *where) {
    char host[64] = "";
    in_port_t port = 0;
    struct sockaddr_in address = {.sin_family = AF_INET};
    if (sscanf(where, "%63[^:]:%hu", host, &port) != 2 || inet_pton(AF_INET, host, &address.sin_addr) != 1)
        fail("%s is no address", where);
    address.sin_port = htons(port);
    int fd = internet_socket(kind);
    struct timeval retry = {RETRY_SECONDS, 0};
    if (kind == SOCK_STREAM && connect(fd, (struct sockaddr *)&address, sizeof address))
        fail("%s: %m", where);
    client = kind == SOCK_DGRAM
                 ? clntudp_bufcreate(&address, PROGRAM, VERSION, retry, &fd, DATAGRAM_BYTES_MAX, DATAGRAM_BYTES_MAX)
                 : clnttcp_create(&address, PROGRAM, VERSION, &fd, STREAM_BUFFER_BYTES, STREAM_BUFFER_BYTES);
    if (!client)
        fail("%s", clnt_spcreateerror("libtirpc has no client"));
}

static void open_udp(const char *where, size_t outstanding) {
    (void)outstanding;
    open_by(SOCK_DGRAM, where);
}

static void open_tcp(const char *where, size_t outstanding) {
    (void)outstanding;
    open_by(SOCK_STREAM, where);
}

static struct bytes call_tcp(struct bytes message) {
    struct message request = {(char *)message.at, (u_int)message.length, 0};
    struct timeval wait = {WAIT_SECONDS, 0};
    if (clnt_call(client, ANSWER, (xdrproc_t)xdr_message, (caddr_t)&request, (xdrproc_t)xdr_message,
                  (caddr_t)&reply, wait) != RPC_SUCCESS)
        fail("%s", clnt_sperror(client, "a call"));
    return (struct bytes){reply.at, reply.length};
}

static struct bytes call_udp(struct bytes message) {
    if (message.length > DATAGRAM_BYTES_MAX - HEADER_BYTES_MAX)
        fail("libtirpc sends a call over UDP in one datagram, which cannot carry %zu bytes", message.length);
    return call_tcp(message);
}

int main(int argc, char **argv) {
    const struct peer peers[] = {
        {"tirpc-udp", serve_udp, open_udp, call_udp, NULL, NULL, call_udp},
        {"tirpc-tcp", serve_tcp, open_tcp, call_tcp, NULL, NULL, call_tcp},
    };
    return peer_program(argc, argv, peers, sizeof peers / sizeof *peers);
}
