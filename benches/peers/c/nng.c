/* nng: its REQ and REP sockets, by unix sockets and by TCP.
 *
 * cc -O2 -pthread nng.c -lnng -o nng
 *
 * Calls that are outstanding have a context of the client's socket each, and nng's asynchronous operations. A message
 * lies in memory of nng's own: a server sends back the one that it has got; what is sent is copied once.
 */
#include "peer.h"

#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>

/* Requests that a server has in progress. */
enum { SERVICES = 64 };

static void check(int error, const char *what) {
    if (error)
        fail("%s: %s", what, nng_strerror(error));
}

static nng_msg *message_of(struct bytes bytes) {
    nng_msg *message;
    check(nng_msg_alloc(&message, bytes.length), "a message");
    memcpy(nng_msg_body(message), bytes.at, bytes.length);
    return message;
}

static struct bytes bytes_of(nng_msg *message) {
    if (!message)
        return (struct bytes){NULL, 0};
    return (struct bytes){nng_msg_body(message), nng_msg_len(message)};
}

/* --- The side that serves --- */

/* One request at a time: received, answered, and the next one. */
struct service {
    nng_ctx context;
    nng_aio *aio;
    int is_answering;
};

static nng_msg *last_long;
/* The next request may come while one is answered, and on another thread. */
static pthread_mutex_t answering = PTHREAD_MUTEX_INITIALIZER;

/* The message to answer with; the request's own is kept, or sent back, or gone. */
static nng_msg *answer_to(nng_msg *request) {
    unsigned char own[FACTS_BYTES];
    struct bytes answer, message = bytes_of(request);
    pthread_mutex_lock(&answering);
    int is_another = answers(message, bytes_of(last_long), own, &answer);
    if (is_another) {
        nng_msg *unneeded = request;
        if (is_long(message.length)) {
            unneeded = last_long;
            last_long = request;
        }
        nng_msg_free(unneeded);
        request = message_of(answer);
    }
    pthread_mutex_unlock(&answering);
    return request;
}

static void go_on(void *argument) {
    struct service *service = argument;
    if (service->is_answering) {
        /* A client that is gone wants no answer. */
        if (nng_aio_result(service->aio))
            nng_msg_free(nng_aio_get_msg(service->aio));
        service->is_answering = 0;
        nng_ctx_recv(service->context, service->aio);
        return;
    }
    check(nng_aio_result(service->aio), "a request");
    nng_aio_set_msg(service->aio, answer_to(nng_aio_get_msg(service->aio)));
    service->is_answering = 1;
    nng_ctx_send(service->context, service->aio);
}

static void serve(const char *address) {
    static struct service services[SERVICES];
    nng_socket server;
    nng_listener listener;
    check(nng_rep0_open(&server), "a socket");
    check(nng_socket_set_size(server, NNG_OPT_RECVMAXSZ, 0), "messages of any length");
    for (struct service *service = services; service < services + SERVICES; service++) {
        check(nng_ctx_open(&service->context, server), "a context");
        check(nng_aio_alloc(&service->aio, go_on, service), "an operation");
        nng_ctx_recv(service->context, service->aio);
    }
    check(nng_listen(server, address, &listener, 0), address);
    char *where;
    check(nng_listener_get_string(listener, NNG_OPT_URL, &where), "where it serves");
    tell(where);
    nng_strfree(where);
    for (;;)
        pause();
}

static void serve_ipc(void) {
    char address[sizeof path_of_socket + 8];
    snprintf(address, sizeof address, "ipc://%s", fresh_path());
    serve(address);
}

static void serve_tcp(void) {
    serve("tcp://127.0.0.1:0");
}

/* --- The side that calls --- */

/* A call that is outstanding, or that can be. */
struct call {
    nng_ctx context;
    nng_aio *sending, *receiving;
};

static nng_socket client;
static nng_msg *reply;
/* A ring: who begins next is where who is the oldest was. */
static struct call *calls;
static size_t room, next_begun, next_finished;

static void open_client(const char *address, size_t outstanding) {
    check(nng_req0_open(&client), "a socket");
    check(nng_socket_set_size(client, NNG_OPT_RECVMAXSZ, 0), "messages of any length");
    /* Nothing is lost here, however long it takes. */
    check(nng_socket_set_ms(client, NNG_OPT_REQ_RESENDTIME, NNG_DURATION_INFINITE), "no resending");
    check(nng_dial(client, address, NULL, 0), address);
    room = outstanding;
    calls = allocate(NULL, room * sizeof *calls);
    for (struct call *call = calls; call < calls + room; call++) {
        check(nng_ctx_open(&call->context, client), "a context");
        check(nng_aio_alloc(&call->sending, NULL, NULL), "an operation");
        check(nng_aio_alloc(&call->receiving, NULL, NULL), "an operation");
    }
}

static struct bytes answer_in(nng_msg *message) {
    nng_msg_free(reply);
    reply = message;
    return bytes_of(reply);
}

static struct bytes call_server(struct bytes message) {
    nng_msg *answer;
    check(nng_sendmsg(client, message_of(message), 0), "a request");
    check(nng_recvmsg(client, &answer, 0), "an answer");
    return answer_in(answer);
}

static void begin(struct bytes message) {
    struct call *call = &calls[next_begun++ % room];
    nng_aio_set_msg(call->sending, message_of(message));
    nng_ctx_send(call->context, call->sending);
    nng_ctx_recv(call->context, call->receiving);
}

static struct bytes finish(void) {
    struct call *call = &calls[next_finished++ % room];
    nng_aio_wait(call->sending);
    check(nng_aio_result(call->sending), "a request");
    nng_aio_wait(call->receiving);
    check(nng_aio_result(call->receiving), "an answer");
    return answer_in(nng_aio_get_msg(call->receiving));
}

int main(int argc, char **argv) {
    const struct peer peers[] = {
        {"nng-ipc", serve_ipc, open_client, call_server, begin, finish, call_server},
        {"nng-tcp", serve_tcp, open_client, call_server, begin, finish, call_server},
    };
    return peer_program(argc, argv, peers, sizeof peers / sizeof *peers);
}
