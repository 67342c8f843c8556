/* A stock peer that has the key of the transfer and means harm, against a whole engine and store:
 * what it says on the transit connection of a file-transfer v1. First how the transfer is:
 *
 *     a byte of enum how, then who sends      we: which of the sizes below
 *                                             they: a u24, what they have offered (FITTING: all
 *                                             that is in the operations' records)
 *
 * Then what it does while we wait for it, records with the right key and number:
 *
 *     0 a record                      4 bytes as they are
 *     1 a record of equal bytes       5 a record with a bit turned over
 *     2 a good ack                    6 our user: changes, removes, stops (also while we send)
 *     3 an ack of another hash        7 how many bytes move at once
 *
 * What is delivered was acknowledged, as it stands; what is published is what came, and
 * acknowledged as such; nothing else is left. The store stays for some inputs. */
#include "tests/fuzz/fuzz.h"
#include "tests/unit/stock_rig.h"

#include "proto/classic_data.h"

enum { INPUTS_PER_STORE = 100, OPS_MAX = 60, RECORD_MAX = 16384, OFFERED_MAX = 1 << 20 };
enum { ROOM_BYTES = 4 << 20, EQUAL_STEP = 16, BATCH_BYTES = 256 << 10 };

enum how { WE_SEND = 1, TREE = 2, FITTING = 4 };

static const char offered[] = "offered";

/* Our end of the connection: filled by the operations when it is empty. */
struct stream {
    struct bytes queue;
    size_t at, moves; /* how many bytes move at once */
    bool blocks, broken;
};

struct play {
    struct reader in;
    unsigned ops;
    bool we_send, tree, dry;
    struct stream line;
    struct stock_peer peer;
    struct bytes said;      /* plaintext of the records that we sent */
    unsigned said_records;  /* so many */
    struct bytes told;      /* plaintext of theirs, up to the first that is none */
    bool spoilt;            /* there was one */
    bool acked, acked_well; /* we send: their first record says so; … with the right hash */
    bool touched;           /* our user changed or removed what was offered */
    size_t touched_at;      /* when so much of it had left */
    uint64_t size;          /* of the offer */
    uint8_t sha256[CLASSIC_DATA_SHA256_BYTES]; /* of what we send */
};

static struct erig *rig;
static unsigned inputs;
static struct play *play;

/* ---- what they do ---- */

static void queue(const void *data, size_t len)
{
    if (!play->dry)
        bytes_put(&play->line.queue, data, len);
}

/* The first record that we read of a receiver is its ack. */
static void hears(const void *plain, size_t len)
{
    bool first = !play->acked && play->told.len == 0 && !play->spoilt;

    if (play->we_send && first) {
        play->acked = true;
        play->acked_well = classic_data_ack_check(plain, len, play->sha256) == PROTO_OK;
    } else if (!play->spoilt) {
        bytes_put(&play->told, plain, len);
    }
}

static void send_record(const void *plain, size_t len, int flip)
{
    struct bytes wire = {0};

    if (play->dry) {
        play->size += flip < 0 ? len : 0;
        return;
    }
    MUST(record_encode(&play->peer.tx, &wire, plain, len) == PROTO_OK);
    if (flip >= 0) {
        wire.data[(size_t)flip / 8 % wire.len] ^= (uint8_t)(1 << flip % 8);
        play->spoilt = true;
    } else {
        hears(plain, len);
    }
    queue(wire.data, wire.len);
    bytes_release(&wire);
}

static void send_ack(struct reader *in, bool good)
{
    struct bytes ack = {0};
    uint8_t sha256[CLASSIC_DATA_SHA256_BYTES];

    memcpy(sha256, play->sha256, sizeof sha256);
    if (!good)
        sha256[reader_u8(in) % sizeof sha256] ^= 0x10;
    MUST(classic_data_ack_build(&ack, sha256) == PROTO_OK);
    bool first = !play->acked && !play->spoilt;
    send_record(ack.data, ack.len, -1);
    if (!play->dry && play->we_send && first)
        MUST(play->acked_well == good);
    bytes_release(&ack);
}

/* ---- what our user does, meanwhile ---- */

static void remove_from(uint64_t box, const char *name, size_t len)
{
    struct turn *t = rig_turn(rig->r);
    int err = name_remove_tree(t, box, name, len, "removed");

    MUST(err == 0 || err == STORE_ERR_NOT_FOUND);
    commit(t);
}

static void touch(void)
{
    if (!play->touched)
        play->touched_at = play->said.len;
    play->touched = true;
}

static void change(void)
{
    uint64_t ino = rig_lookup(rig->r, rig->outbox, offered);

    if (ino == 0)
        return;
    struct turn *t = rig_turn(rig->r);
    int err = entry_withdraw(t, ino, "changed");
    MUST(err == 0 || err == STORE_ERR_INVALID);
    commit(t);
}

static void user(uint8_t what)
{
    if (play->dry)
        return;
    switch (what % 5) {
    case 0:
        remove_from(rig->outbox, offered, strlen(offered));
        touch();
        break;
    case 1:
        change();
        touch();
        break;
    case 2: /* takes the name of what arrives */
        if (rig_lookup(rig->r, rig->inbox, offered) == 0)
            make_file(rig, rig->inbox, offered, 10);
        break;
    case 3:
        rig->e->ending = true;
        break;
    case 4:
        play->line.broken = true;
        break;
    }
}

static void one(void)
{
    static uint8_t equal[UINT16_MAX * EQUAL_STEP];
    struct reader *in = &play->in;
    uint8_t op = reader_u8(in) % 8;
    size_t len;

    play->ops++;
    if (op == 0 || op == 4 || op == 5) {
        int flip = op == 5 ? reader_u16(in) : -1;
        const uint8_t *data = fuzz_some(in, RECORD_MAX, &len);
        if (op == 4 && !play->dry) {
            play->spoilt = play->spoilt || len > 0;
            queue(data, len);
        } else if (op != 4) {
            send_record(data, len, flip);
        }
    } else if (op == 1) {
        uint8_t byte = reader_u8(in);
        len = (size_t)reader_u16(in) * EQUAL_STEP;
        memset(equal, byte, len);
        send_record(equal, len, -1);
    } else if (op <= 3) {
        send_ack(in, op == 2);
    } else if (op == 6) {
        user(reader_u8(in));
    } else {
        play->line.moves = 1 + reader_u16(in);
        play->line.blocks = reader_u8(in) % 2 == 1;
    }
}

static bool more(void)
{
    return play->ops < OPS_MAX && !play->line.broken && fuzz_more(&play->in);
}

/* ---- the connection ---- */

int stream_wait(struct stream *s, int want, int timeout_ms)
{
    (void)timeout_ms;
    return s->broken ? STREAM_BROKEN : want;
}

ssize_t stream_recv(struct stream *s, void *buf, size_t cap)
{
    while (s->at == s->queue.len && more()) {
        bytes_clear(&s->queue);
        s->at = 0;
        one();
    }
    MUST(bytes_ok(&s->queue));
    size_t n = s->queue.len - s->at;
    if (s->broken || n == 0)
        return -1;
    n = n < cap ? n : cap;
    n = n < s->moves ? n : s->moves;
    memcpy(buf, s->queue.data + s->at, n);
    s->at += n;
    return (ssize_t)n;
}

/* What leaves is records, for them alone. */
static void overhear(const uint8_t *data, size_t len)
{
    while (len > 0) {
        size_t used, before = play->said.len;
        int got = record_decode(&play->peer.rx, data, len, &used, &play->said);
        MUST(got >= 0);
        MUST(play->said.len - before <= CLASSIC_DATA_RECORD_BYTES);
        play->said_records += (unsigned)got;
        data += used;
        len -= used;
    }
}

ssize_t stream_send(struct stream *s, const void *buf, size_t len)
{
    if (more() && play->in.at[0] % 8 == 6)
        one();
    if (s->broken)
        return -1;
    s->blocks = !s->blocks && s->moves < RECORD_MAX;
    if (s->blocks)
        return 0;
    len = len < s->moves ? len : s->moves;
    overhear(buf, len);
    return (ssize_t)len;
}

void stream_wake(struct stream *s)
{
    (void)s;
}

void stream_break(struct stream *s)
{
    s->broken = true;
}

const char *stream_kind(const struct stream *s)
{
    (void)s;
    return "memory";
}

/* ---- one transfer ---- */

static void hash(const struct bytes *b, uint8_t out[static CLASSIC_DATA_SHA256_BYTES])
{
    crypto_hash_sha256(out, b->len > 0 ? b->data : (const uint8_t *)"", b->len);
}

static uint64_t sent_rows(void)
{
    return erig_count(rig, "SELECT count(*) FROM sent");
}

/* In the outbox, or packed for them. */
static struct stock we_offer(struct bytes *whole)
{
    static const size_t sizes[] = {0, 1, 100, 16384, 16385, 65536, 70000, 300000};
    struct stock s = {.offered = true, .count = 1};

    s.size = sizes[reader_u8(&play->in) % (sizeof sizes / sizeof *sizes)];
    strcpy(s.name, offered);
    s.items = calloc(1, sizeof *s.items);
    MUST(s.items != NULL);
    s.source = stock_offered_file(rig, offered, s.size, 77, s.items);
    if (play->tree) {
        struct turn *t = rig_turn(rig->r);
        MUST(node_stage(t, &(struct node_new){.type = NODE_FILE, .mode = 0600}, &s.zip) == 0);
        commit(t);
        write_bytes(rig, s.zip, 0, s.size);
        s.source = s.zip;
    }
    read_file(rig, s.source, whole);
    hash(whole, play->sha256);
    return s;
}

static struct stock they_offer(bool fitting)
{
    struct stock s = {.receiving = true};
    uint32_t size = (uint32_t)reader_u8(&play->in) << 16;

    size |= reader_u16(&play->in);
    if (fitting) {
        struct play dry = {.in = play->in, .dry = true};
        struct play *real = play;
        for (play = &dry; more();)
            one();
        play = real;
        size = dry.size < OFFERED_MAX ? (uint32_t)dry.size : OFFERED_MAX;
    }
    s.in = (struct classic_offer){.directory = play->tree, .size = size % (OFFERED_MAX + 1)};
    strcpy(s.in.name, offered);
    return s;
}

static void check_sent(const struct bytes *whole, uint64_t before, bool ended_well)
{
    bool delivered = sent_rows() > before;

    MUST(play->said.len <= whole->len);
    MUST(play->said.len == 0 || memcmp(play->said.data, whole->data, play->said.len) == 0);
    MUST(!delivered || play->said.len == whole->len);
    MUST(!delivered || (ended_well && play->acked_well && !play->touched));
    MUST(ended_well == (play->acked && play->acked_well && play->said.len == whole->len));
    MUST(delivered == (ended_well && !play->touched));
    /* What was read before still leaves, no more. */
    MUST(!play->touched || play->said.len <= (play->touched_at / BATCH_BYTES + 1) * BATCH_BYTES);
    if (!play->touched)
        MUST((rig_lookup(rig->r, rig->outbox, offered) == 0) == delivered);
}

/* What arrived: what was told until it was all; and they heard that it did, or did not. */
static void check_received(const struct stock *s, unsigned arrived, bool ended_well)
{
    struct bytes content = {0};
    uint8_t sha256[CLASSIC_DATA_SHA256_BYTES];

    MUST(arrived == ended_well);
    MUST(play->said_records <= 1);
    MUST(play->tree || arrived == (play->told.len == s->in.size));
    hash(&play->told, sha256);
    if (play->said_records == 1)
        MUST(classic_data_ack_check(play->said.data, play->said.len, sha256) ==
             (arrived > 0 ? PROTO_OK : PROTO_ERR_CRYPTO));
    if (arrived == 0)
        return;
    MUST(play->told.len == s->in.size);
    if (!play->tree) {
        read_file(rig, rig->changed_ino, &content);
        MUST(fuzz_equal(&content, play->told.data, play->told.len));
    }
    bytes_release(&content);
    MUST(rig_node(rig->r, rig->changed_ino).type == (play->tree ? NODE_DIR : NODE_FILE));
}

static void empty_box(uint64_t box)
{
    struct name name = {0};
    struct node n;

    while (compare_next(rig, box, &name, &n)) {
        remove_from(box, name.text, name.len);
        name = (struct name){0};
    }
}

static void clean_up(void)
{
    struct view *v = rig_view(rig->r);
    uint64_t held;

    MUST(inbox_bytes_sum(v, &held) == 0 && held <= ROOM_BYTES);
    view_end(v);
    rig->e->ending = false;
    empty_box(rig->inbox);
    empty_box(rig->outbox);
    while (node_sweep(rig->r->store) == 1)
        ;
    MUST(erig_staged(rig) == 0);
    MUST(rig->spool_calls_in_turns == 0);
}

static void transfer(void)
{
    struct bytes whole = {0};
    uint8_t how = reader_u8(&play->in);
    uint64_t before = sent_rows();
    unsigned arrivals = rig->changes[CHANGE_ARRIVED];

    play->we_send = (how & WE_SEND) != 0;
    play->tree = (how & TREE) != 0;
    struct stock s = play->we_send ? we_offer(&whole) : they_offer((how & FITTING) != 0);
    stock_peer_init(&play->peer, play->we_send);
    stock_agree(rig, &s);
    stock_run(rig, play->we_send, &play->line);
    bool well = stock_is_over(rig) == CLASSIC_DONE;
    if (play->we_send)
        check_sent(&whole, before, well);
    else
        check_received(&s, rig->changes[CHANGE_ARRIVED] - arrivals, well);
    stock_peer_release(&play->peer);
    bytes_release(&whole);
}

static void leave(void)
{
    if (rig != NULL)
        MUST(erig_teardown((void **)&rig) == 0);
    rig = NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct play p = {.in = reader_of(data, len), .line.moves = SIZE_MAX};

    if (inputs == 0)
        MUST(atexit(leave) == 0);
    if (inputs++ % INPUTS_PER_STORE == 0)
        leave();
    if (rig == NULL) {
        MUST(erig_setup((void **)&rig) == 0);
        rig->e->options.inbox_max = ROOM_BYTES;
    }
    play = &p;
    transfer();
    clean_up();
    bytes_release(&p.line.queue);
    bytes_release(&p.said);
    bytes_release(&p.told);
    return 0;
}
