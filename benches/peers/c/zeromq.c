/* ZeroMQ by libzmq: a client's DEALER socket and a server's ROUTER socket, by unix sockets and by TCP.
 *
 * cc -O2 -pthread zeromq.c -lzmq -o zeromq
 *
 * Unlike REQ and REP they may have several calls outstanding. There is one server, whose answers come in the order of the
 * calls. Nothing is copied where libzmq can do without: a server sends the message back that it has got, and a long
 * message is sent from where it lies.
 */
#include "peer.h"

#include <errno.h>
#include <zmq.h>

static void check(int result, const char *what) {
    if (result < 0)
        fail("%s: %s", what, zmq_strerror(errno));
}

/* Has room for as many messages as there are, so that none is dropped or waits. */
static void *make_socket(int kind) {
    void *context = zmq_ctx_new();
    void *made = context ? zmq_socket(context, kind) : NULL;
    if (!made)
        fail("no socket: %s", zmq_strerror(errno));
    const int unlimited = 0;
    check(zmq_setsockopt(made, ZMQ_SNDHWM, &unlimited, sizeof unlimited), "room for messages");
    check(zmq_setsockopt(made, ZMQ_RCVHWM, &unlimited, sizeof unlimited), "room for messages");
    return made;
}

/* --- The side that serves --- */

static void serve(const char *address) {
    void *server = make_socket(ZMQ_ROUTER);
    char where[128];
    size_t room = sizeof where;
    check(zmq_bind(server, address), address);
    check(zmq_getsockopt(server, ZMQ_LAST_ENDPOINT, where, &room), "where it serves");
    tell(where);
    zmq_msg_t from, message, last_long;
    check(zmq_msg_init(&from), "a message");
    check(zmq_msg_init(&message), "a message");
    check(zmq_msg_init(&last_long), "a message");
    for (;;) {
        /* From whom comes before each message; before its answer, it is to whom. */
        check(zmq_msg_recv(&from, server, 0), "a request");
        check(zmq_msg_recv(&message, server, 0), "a request");
        struct bytes request = {zmq_msg_data(&message), zmq_msg_size(&message)}, answer;
        struct bytes kept = {zmq_msg_data(&last_long), zmq_msg_size(&last_long)};
        unsigned char own[FACTS_BYTES];
        check(zmq_msg_send(&from, server, ZMQ_SNDMORE), "an answer");
        if (answers(request, kept, own, &answer))
            check(zmq_send(server, answer.at, answer.length, 0), "an answer");
        else
            check(zmq_msg_send(&message, server, 0), "an answer");
        if (is_long(request.length))
            check(zmq_msg_move(&last_long, &message), "a message to keep");
    }
}

static void serve_ipc(void) {
    char address[sizeof path_of_socket + 8];
    snprintf(address, sizeof address, "ipc://%s", fresh_path());
    serve(address);
}

static void serve_tcp(void) {
    serve("tcp://127.0.0.1:*");
}

/* --- The side that calls --- */

static void *client;
static zmq_msg_t reply;

static void open_client(const char *address, size_t outstanding) {
    (void)outstanding;
    client = make_socket(ZMQ_DEALER);
    check(zmq_connect(client, address), address);
    check(zmq_msg_init(&reply), "a message");
}

static void begin(struct bytes message) {
    check(zmq_send(client, message.at, message.length, 0), "a request");
}

static struct bytes finish(void) {
    check(zmq_msg_recv(&reply, client, 0), "an answer");
    return (struct bytes){zmq_msg_data(&reply), zmq_msg_size(&reply)};
}

static struct bytes call_server(struct bytes message) {
    begin(message);
    return finish();
}

/* A long message stays where it is when libzmq has sent it. */
static void keep(void *data, void *hint) {
    (void)data, (void)hint;
}

static struct bytes send_long(struct bytes message) {
    zmq_msg_t long_message;
    check(zmq_msg_init_data(&long_message, (void *)message.at, message.length, keep, NULL), "a message");
    check(zmq_msg_send(&long_message, client, 0), "a request");
    return finish();
}

int main(int argc, char **argv) {
    const struct peer peers[] = {
        {"zeromq-ipc", serve_ipc, open_client, call_server, begin, finish, send_long},
        {"zeromq-tcp", serve_tcp, open_client, call_server, begin, finish, send_long},
    };
    return peer_program(argc, argv, peers, sizeof peers / sizeof *peers);
}
