/* A peer's program in C: what benches/measure has in Rust, for libraries that C programs use.
 *
 *   PROGRAM serve PEER CORE                                       prints where it serves, and does so for ever
 *   PROGRAM call PEER ADDRESS CORE SERVER-CORE WORKLOAD SECONDS   prints one line of JSON
 *
 * The command line, the workloads, the numbers in the messages, the warm-up, the clock and the line of JSON are those of
 * Rust's peers (peer.rs, load.rs, sample.rs, process.rs), so that all are timed alike. What differs from peer to peer is a
 * `struct peer`. A core of -1 is wherever the scheduler likes. What fails is told, and ends the program.
 */
#ifndef PEER_H
#define PEER_H

#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum {
    MESSAGE_BYTES = 64,        /* Of a null call, each way. */
    ECHO_BYTES_MAX = 1 << 16,  /* What is longer is answered with its length, eight bytes, big-endian. */
    FACTS_BYTES = 12,          /* Of a long message: its length and its CRC-32, big-endian. */
    WARM_UP_CALLS = 5000,
    WARM_UP_NANOS = 50 * 1000 * 1000,
    IDLE_NANOS = 10 * 1000 * 1000, /* The pause before each call after idleness. */
    LOOK_EVERY = 64            /* The clock is looked at once in so many calls. */
};

/* Bytes that lie somewhere else. */
struct bytes {
    const void *at;
    size_t length;
};

/* One peer. Its client is the calling thread's, so that several threads may have one each. An answer lies where it is
 * until the same thread's next call. */
struct peer {
    /* By which it is asked for. */
    const char *name;
    /* Tells where, and serves for ever. */
    void (*serve)(void);
    /* Makes this thread's client, which will have so many calls outstanding at most. */
    void (*open)(const char *address, size_t outstanding);
    /* There and back. */
    struct bytes (*call)(struct bytes message);
    /* Begins a call; others may be outstanding. The message may go as soon as this returns. */
    void (*begin)(struct bytes message);
    /* Waits for the answer of the oldest outstanding call. Both are null where a client can only block: then each call
     * that is outstanding has a thread and a client of its own. */
    struct bytes (*finish)(void);
    /* As `call`, for a long message that lies there already. */
    struct bytes (*send)(struct bytes message);
};

/* Tells the program's user what failed, and ends it. */
__attribute__((noreturn, format(printf, 1, 2))) static inline void fail(const char *format, ...) {
    va_list values;
    va_start(values, format);
    vfprintf(stderr, format, values);
    va_end(values);
    fputc('\n', stderr);
    exit(1);
}

static inline void *allocate(void *old, size_t bytes) {
    void *memory = realloc(old, bytes);
    if (!memory)
        fail("there is no memory for %zu bytes", bytes);
    return memory;
}

/* Tells the program that has started this one where it serves. */
static inline void tell(const char *address) {
    puts(address);
    fflush(stdout);
}

/* --- What is sent, and what a server does with it --- */

static inline void put_u64(unsigned char *to, uint64_t number) {
    for (int i = 0; i < 8; i++)
        to[i] = (unsigned char)(number >> (56 - 8 * i));
}

static inline uint64_t get_u64(const unsigned char *from) {
    uint64_t number = 0;
    for (int i = 0; i < 8; i++)
        number = number << 8 | from[i];
    return number;
}

/* CRC-32 as in IEEE 802.3, eight bytes at a time. */
static inline uint32_t crc32_of(struct bytes bytes) {
    static uint32_t table[8][256];
    if (!table[0][1]) {
        for (uint32_t byte = 0; byte < 256; byte++) {
            uint32_t rest = byte;
            for (int bit = 0; bit < 8; bit++)
                rest = rest >> 1 ^ (rest & 1 ? 0xedb88320u : 0);
            table[0][byte] = rest;
        }
        for (int step = 1; step < 8; step++)
            for (int byte = 0; byte < 256; byte++) {
                uint32_t before = table[step - 1][byte];
                table[step][byte] = before >> 8 ^ table[0][before & 0xff];
            }
    }
    const unsigned char *at = bytes.at, *end = at + bytes.length;
    uint32_t crc = ~0u;
    for (; end - at >= 8; at += 8) {
        uint32_t first = crc ^ (at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24);
        crc = table[7][first & 0xff] ^ table[6][first >> 8 & 0xff] ^ table[5][first >> 16 & 0xff] ^
              table[4][first >> 24] ^ table[3][at[4]] ^ table[2][at[5]] ^ table[1][at[6]] ^ table[0][at[7]];
    }
    for (; at < end; at++)
        crc = crc >> 8 ^ table[0][(crc ^ *at) & 0xff];
    return ~crc;
}

static inline void facts_of(struct bytes bytes, unsigned char facts[FACTS_BYTES]) {
    uint32_t crc = crc32_of(bytes);
    put_u64(facts, bytes.length);
    for (int i = 0; i < 4; i++)
        facts[8 + i] = (unsigned char)(crc >> (24 - 8 * i));
}

static inline int is_long(size_t length) {
    return length > ECHO_BYTES_MAX;
}

/* A server's answer to a message, and whether it is another than the message itself: then it lies in `room`. The server
 * keeps the last long message until the next one comes. */
static inline int answers(struct bytes message, struct bytes last_long, unsigned char room[FACTS_BYTES],
                          struct bytes *answer) {
    *answer = message;
    if (is_long(message.length)) {
        put_u64(room, message.length);
        *answer = (struct bytes){room, 8};
    } else if (message.length == 1 && *(const char *)message.at == '?') {
        facts_of(last_long, room);
        *answer = (struct bytes){room, FACTS_BYTES};
    }
    return answer->at == room;
}

/* --- A socket's path --- */

static char folder_of_socket[64], path_of_socket[80];

static inline void remove_socket(int signal) {
    unlink(path_of_socket);
    rmdir(folder_of_socket);
    _exit(128 + signal);
}

/* A path in a folder of its own, which goes when the program is asked to end. */
static inline const char *fresh_path(void) {
    const char *temporary = getenv("TMPDIR");
    int length = snprintf(folder_of_socket, sizeof folder_of_socket, "%s/peer-XXXXXX",
                          temporary && *temporary ? temporary : "/tmp");
    if (length < 0 || (size_t)length >= sizeof folder_of_socket)
        fail("the name of the folder for temporary files is too long for a socket's path");
    if (!mkdtemp(folder_of_socket))
        fail("%s: %m", folder_of_socket);
    snprintf(path_of_socket, sizeof path_of_socket, "%s/socket", folder_of_socket);
    const int asked[] = {SIGHUP, SIGINT, SIGTERM};
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++)
        signal(asked[i], remove_socket);
    return path_of_socket;
}

/* --- The side that calls --- */

/* What a calling program prints. */
struct outcome {
    uint64_t p50_ns, p99_ns;
    double rate;
    uint64_t calls;
};

static inline uint64_t now_nanos(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static inline uint64_t now(void) {
    return now_nanos(CLOCK_MONOTONIC);
}

static inline void pause_for(uint64_t nanos) {
    struct timespec time = {(time_t)(nanos / 1000000000u), (long)(nanos % 1000000000u)};
    nanosleep(&time, NULL);
}

static inline void check_echo(struct bytes answer, size_t length, uint64_t number) {
    if (answer.length != length)
        fail("call %lu was answered with %zu bytes, not %zu", number, answer.length, length);
    if (get_u64(answer.at) != number)
        fail("call %lu was answered with %lu", number, get_u64(answer.at));
}

/* The times of single calls. */
struct samples {
    uint64_t *nanos;
    size_t count, room;
};

static inline void add_sample(struct samples *samples, uint64_t nanos) {
    if (samples->count == samples->room) {
        samples->room = samples->room ? 2 * samples->room : 1 << 20;
        samples->nanos = allocate(samples->nanos, samples->room * sizeof *samples->nanos);
    }
    samples->nanos[samples->count++] = nanos;
}

static inline int by_value(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static inline uint64_t percentile(const struct samples *sorted, size_t percent) {
    size_t rank = (sorted->count * percent + 99) / 100;
    return sorted->nanos[(rank ? rank : 1) - 1];
}

static inline struct outcome times(struct samples *samples, uint64_t calls) {
    qsort(samples->nanos, samples->count, sizeof *samples->nanos, by_value);
    struct outcome outcome = {percentile(samples, 50), percentile(samples, 99), 0, calls};
    free(samples->nanos);
    return outcome;
}

static inline void call_number(const struct peer *peer, unsigned char *message, size_t length, uint64_t number) {
    put_u64(message, number);
    check_echo(peer->call((struct bytes){message, length}), length, number);
}

/* Single calls, each begun after a pause. */
static inline struct outcome round_trips(const struct peer *peer, size_t length, uint64_t pause, uint64_t nanos) {
    static unsigned char message[ECHO_BYTES_MAX];
    struct samples samples = {0};
    uint64_t number = 0, begin = now();
    while (number < WARM_UP_CALLS && now() - begin < WARM_UP_NANOS)
        call_number(peer, message, length, ++number);
    begin = now();
    uint64_t before = begin;
    while (!samples.count || before - begin < nanos) {
        if (pause) {
            pause_for(pause);
            before = now();
        }
        call_number(peer, message, length, ++number);
        /* One reading of the clock for each call: the end of one is the beginning of the next. */
        uint64_t after = now();
        add_sample(&samples, after - before);
        before = after;
    }
    return times(&samples, number);
}

static inline void begin_number(const struct peer *peer, uint64_t number) {
    unsigned char message[MESSAGE_BYTES] = {0};
    put_u64(message, number);
    peer->begin((struct bytes){message, sizeof message});
}

/* Keeps so many calls outstanding, and counts. */
static inline struct outcome rate(const struct peer *peer, uint64_t outstanding, uint64_t nanos) {
    uint64_t begun = 0, finished = 0;
    while (begun < outstanding)
        begin_number(peer, ++begun);
#define NEXT() (++finished, check_echo(peer->finish(), MESSAGE_BYTES, finished), begin_number(peer, ++begun))
    uint64_t begin = now();
    do
        NEXT();
    while (finished < WARM_UP_CALLS && now() - begin < WARM_UP_NANOS);
    begin = now();
    uint64_t calls = 0, elapsed;
    do {
        for (int i = 0; i < LOOK_EVERY; i++)
            NEXT();
        calls += LOOK_EVERY;
        elapsed = now() - begin;
    } while (elapsed < nanos);
#undef NEXT
    while (finished < begun)
        ++finished, check_echo(peer->finish(), MESSAGE_BYTES, finished);
    return (struct outcome){.rate = (double)calls * 1e9 / (double)elapsed, .calls = begun};
}

/* A thread that calls, one call after the other. */
struct caller {
    _Alignas(64) const struct peer *peer;
    const char *address;
    pthread_barrier_t *all_ready;
    atomic_int *enough;
    atomic_ulong finished;
    pthread_t thread;
};

static inline void *keep_calling(void *argument) {
    struct caller *caller = argument;
    unsigned char message[MESSAGE_BYTES] = {0};
    caller->peer->open(caller->address, 1);
    pthread_barrier_wait(caller->all_ready);
    for (uint64_t number = 1; !atomic_load_explicit(caller->enough, memory_order_relaxed); number++) {
        call_number(caller->peer, message, sizeof message, number);
        atomic_store_explicit(&caller->finished, number, memory_order_relaxed);
    }
    return NULL;
}

static inline uint64_t finished_by(struct caller *callers, uint64_t count) {
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++)
        sum += atomic_load_explicit(&callers[i].finished, memory_order_relaxed);
    return sum;
}

/* The same for a client that can only block: as many threads call as calls are outstanding. */
static inline struct outcome rate_of_threads(const struct peer *peer, const char *address, uint64_t count,
                                             uint64_t nanos) {
    const uint64_t look = 1000000;
    atomic_int enough = 0;
    pthread_barrier_t all_ready;
    struct caller *callers = aligned_alloc(_Alignof(struct caller), count * sizeof *callers);
    if (!callers || pthread_barrier_init(&all_ready, NULL, (unsigned)count + 1))
        fail("there is no memory for %lu threads", count);
    for (uint64_t i = 0; i < count; i++) {
        callers[i] = (struct caller){.peer = peer, .address = address, .all_ready = &all_ready, .enough = &enough};
        if (pthread_create(&callers[i].thread, NULL, keep_calling, &callers[i]))
            fail("there are no %lu threads to be had", count);
    }
    pthread_barrier_wait(&all_ready);
    uint64_t begin = now();
    do
        pause_for(look);
    while (finished_by(callers, count) < WARM_UP_CALLS && now() - begin < WARM_UP_NANOS);
    uint64_t before = finished_by(callers, count);
    begin = now();
    pause_for(nanos);
    uint64_t calls = finished_by(callers, count) - before, elapsed = now() - begin;
    atomic_store(&enough, 1);
    for (uint64_t i = 0; i < count; i++)
        pthread_join(callers[i].thread, NULL);
    struct outcome outcome = {.rate = (double)calls * 1e9 / (double)elapsed, .calls = finished_by(callers, count)};
    free(callers);
    return outcome;
}

/* Long messages, one after the other; the first, whose memory is not there yet, does not count. After each the server is
 * asked, and not timed, whether it came as it was sent. */
static inline struct outcome bulk(const struct peer *peer, size_t length, uint64_t nanos) {
    /* Marsaglia's xorshift: no two pieces of it are the same. */
    uint64_t *words = allocate(NULL, (length + 7) / 8 * 8), state = 0x9e3779b97f4a7c15u;
    for (size_t i = 0; i < (length + 7) / 8; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        words[i] = state;
    }
    struct bytes message = {words, length};
    unsigned char facts[FACTS_BYTES];
    facts_of(message, facts);
    struct samples samples = {0};
    uint64_t spent = 0, calls = 0;
    while (!samples.count || spent < nanos) {
        uint64_t begin = now();
        struct bytes answer = peer->send(message);
        if (answer.length != 8 || get_u64(answer.at) != length)
            fail("a message of %zu bytes was not answered with its length", length);
        uint64_t took = now() - begin;
        answer = peer->call((struct bytes){"?", 1});
        if (answer.length != FACTS_BYTES || memcmp(answer.at, facts, FACTS_BYTES))
            fail("a message of %zu bytes came out wrong", length);
        if (++calls > 1) {
            spent += took;
            add_sample(&samples, took);
        }
    }
    free(words);
    return times(&samples, calls);
}

/* One call, and then nothing: the program that has started this one watches, and kills it. */
__attribute__((noreturn)) static inline void quiet(const struct peer *peer) {
    unsigned char message[MESSAGE_BYTES] = {0};
    call_number(peer, message, sizeof message, 0);
    tell("quiet");
    for (;;)
        pause();
}

/* The most memory that was resident. */
static inline uint64_t peak_kib(void) {
    FILE *status = fopen("/proc/self/status", "r");
    char line[256];
    unsigned long peak = 0;
    while (status && fgets(line, sizeof line, status))
        if (sscanf(line, "VmHWM: %lu kB", &peak) == 1)
            break;
    if (!peak)
        fail("the system does not tell how much memory was resident");
    fclose(status);
    return peak;
}

/* What is measured. */
struct workload {
    enum { NULL_CALLS, IDLE, CALLS, RATE, BULK, QUIET, KINDS } kind;
    size_t number;
};

static inline struct workload parsed(const char *text) {
    static const char *const names[KINDS] = {"null", "idle", "call:", "rate:", "bulk:", "quiet"};
    for (int kind = 0; kind < KINDS; kind++) {
        size_t length = strlen(names[kind]);
        if (strncmp(text, names[kind], length))
            continue;
        char *end = (char *)text + length;
        struct workload found = {kind, 0};
        if (names[kind][length - 1] == ':' && *end >= '0' && *end <= '9')
            found.number = strtoul(end, &end, 10);
        else if (names[kind][length - 1] == ':')
            break;
        if (!*end)
            return found;
    }
    fail("'%s' is no workload: null, idle, call:N, rate:N, bulk:N or quiet", text);
}

static inline struct outcome outcome_of(const struct peer *peer, const char *address, struct workload workload,
                                        uint64_t nanos) {
    size_t number = workload.number;
    switch (workload.kind) {
    case NULL_CALLS:
        return round_trips(peer, MESSAGE_BYTES, 0, nanos);
    case IDLE:
        return round_trips(peer, MESSAGE_BYTES, IDLE_NANOS, nanos);
    case CALLS:
        return round_trips(peer, number < 8 ? 8 : is_long(number) ? ECHO_BYTES_MAX : number, 0, nanos);
    case RATE:
        return peer->begin ? rate(peer, number, nanos) : rate_of_threads(peer, address, number, nanos);
    case BULK:
        return bulk(peer, is_long(number) ? number : ECHO_BYTES_MAX + 1, nanos);
    default:
        quiet(peer);
    }
}

static inline void call_server_of(const struct peer *peer, const char *address, const char *text, double seconds) {
    struct workload workload = parsed(text);
    int is_rate = workload.kind == RATE;
    if (is_rate && !workload.number)
        workload.number = 1;
    if (!is_rate || peer->begin)
        peer->open(address, is_rate ? workload.number : 1);
    uint64_t before = now_nanos(CLOCK_PROCESS_CPUTIME_ID);
    struct outcome outcome = outcome_of(peer, address, workload, (uint64_t)(seconds * 1e9));
    uint64_t cpu_ns = now_nanos(CLOCK_PROCESS_CPUTIME_ID) - before;
    if (is_rate)
        printf("{\"p50_ns\":null,\"p99_ns\":null,\"rate\":%f", outcome.rate);
    else
        printf("{\"p50_ns\":%lu,\"p99_ns\":%lu,\"rate\":null", outcome.p50_ns, outcome.p99_ns);
    printf(",\"calls\":%lu,\"cost\":{\"cpu_ns\":%lu,\"peak_kib\":%lu}}\n", outcome.calls, cpu_ns, peak_kib());
}

static inline void pin(const char *core) {
    char *end;
    long number = strtol(core, &end, 10);
    if (end == core || *end || number >= CPU_SETSIZE)
        fail("there is no core %s", core);
    if (number < 0)
        return;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)number, &set);
    if (sched_setaffinity(0, sizeof set, &set))
        fail("cannot pin a thread to core %s: %m", core);
}

/* The `main` of a program that is those peers. */
static inline int peer_program(int argc, char **argv, const struct peer *peers, size_t count) {
    int serves = argc == 4 && !strcmp(argv[1], "serve");
    if (!serves && !(argc == 8 && !strcmp(argv[1], "call"))) {
        fprintf(stderr, "usage: %s serve PEER CORE\n"
                        "       %s call PEER ADDRESS CORE SERVER-CORE WORKLOAD SECONDS\n", argv[0], argv[0]);
        return 2;
    }
    /* Whatever happens to the program that has started this one, nothing is left of it. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    pin(argv[serves ? 3 : 4]);
    for (const struct peer *peer = peers; peer < peers + count; peer++) {
        if (strcmp(peer->name, argv[2]))
            continue;
        if (serves)
            peer->serve();
        else
            call_server_of(peer, argv[3], argv[6], atof(argv[7]));
        return serves;
    }
    fail("no peer here is called %s", argv[2]);
}

#endif
