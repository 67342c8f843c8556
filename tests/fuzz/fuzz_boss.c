/* A whole boss with a malicious server, a peer that has every key, and an impatient user. The first
 * byte chooses where the story begins; then come operations, each in the state that the ones before
 * have led to. What must hold after each is in victim.c. */
#include <sodium.h>

#include "proto/mailbox_phase.h"
#include "proto/message.h"
#include "proto/rotation.h"
#include "proto/version.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/forger.h"
#include "tests/fuzz/victim.h"
#include "tests/sim/pair.h"

enum {
    TEXT_MAX = 2000,
    OPS_MAX = 200,
    MINUTE_MS = 60000,
    STORIES = 9,
    /* The first byte, beyond the story: all links come up, and the server has forgotten nothing. */
    FORGETS = 64,
    UP = 128,
};

static struct pair_store stories[STORIES];
static size_t story_count;

/* ---- where it begins ---- */

/* The peer that knows the code: the pake is answered, and there is a key. */
static void answer_pake(struct victim *v, const char *side)
{
    static const uint8_t entropy[SPAKE2_ENTROPY_BYTES] = {5, 6, 7};
    struct key theirs;
    struct bytes body = {0};

    key_init(&theirs);
    if (key_start_entropy(&theirs, v->b->code[0] != '\0' ? v->b->code : "1-a-b",
                          victim_options.appid, entropy, &body) == PROTO_OK)
        forger_tell(v, LINK_CODE, side, "pake", &body);
    key_release(&theirs);
    bytes_release(&body);
}

/* A story that no pair of ours can tell. */
static void meet_stock_peer(void)
{
    static const char *const lines[] = {"{\"type\":\"welcome\",\"welcome\":{}}",
                                        "{\"type\":\"allocated\",\"nameplate\":\"4\"}",
                                        "{\"type\":\"claimed\",\"mailbox\":\"m\"}"};
    struct victim v;
    struct actions actions = {0};
    struct bytes plain = {0};

    MUST(victim_start(&v, NULL));
    victim_done(&v, &actions, boss_allocate(v.b, &v.now, &actions));
    forger_up(&v, LINK_CODE, false);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        victim_hear(&v, LINK_CODE, lines[i], strlen(lines[i]));
    answer_pake(&v, "0badc0ffee");
    bytes_put_str(&plain, "{\"app_versions\":{}}");
    forger_seal(&v, LINK_CODE, "0badc0ffee", "version", &plain);
    MUST(v.store.paired == 2 && story_count < STORIES);
    pair_store_copy(&stories[story_count++], &v.store);
    bytes_release(&plain);
    victim_stop(&v);
}

static void remember(struct pair *p, enum pair_who who)
{
    MUST(story_count < STORIES);
    pair_store_copy(&stories[story_count++], pair_store(p, who));
}

static void prepare(void)
{
    struct pair *p = pair_new(1);

    MUST(sodium_init() >= 0);
    pair_store_init(&stories[story_count++]); /* new */
    pair_allocate(p, PAIR_A);
    pair_run(p, NULL, MINUTE_MS);
    remember(p, PAIR_A); /* waits with a code */
    pair_connect(p);
    remember(p, PAIR_A); /* the hand-over goes on */
    pair_send(p, PAIR_A, 2);
    pair_send(p, PAIR_B, 2);
    pair_run(p, NULL, MINUTE_MS);
    remember(p, PAIR_B);
    pair_send(p, PAIR_A, 150);
    pair_send(p, PAIR_B, 30);
    pair_run(p, NULL, MINUTE_MS);
    remember(p, PAIR_A); /* some generations on */
    remember(p, PAIR_B);
    pair_stop(p, PAIR_B);
    pair_send(p, PAIR_A, 190);
    pair_run(p, NULL, MINUTE_MS);
    remember(p, PAIR_A); /* much waits */
    pair_close(p, PAIR_A);
    pair_run(p, NULL, MINUTE_MS);
    remember(p, PAIR_A);
    pair_free(p);
    meet_stock_peer();
}

/* ---- what is sent ---- */

static enum wormhole_link take_link(struct reader *in)
{
    return (enum wormhole_link)(reader_u8(in) % LINK_COUNT);
}

static const char *sender(const struct victim *v, uint8_t which)
{
    static const char third[] = "0badc0ffee";

    if (which % 4 == 1)
        return v->b->side;
    if (which % 4 == 2 || (v->b->peer[0] == '\0' && v->b->code_mailbox.peer[0] == '\0'))
        return third;
    return v->b->peer[0] != '\0' ? v->b->peer : v->b->code_mailbox.peer;
}

static void take_phase(struct victim *v, struct reader *in, enum wormhole_link link, char *out)
{
    const struct generation *g = forger_generation(v, link);
    uint8_t how = reader_u8(in), n = reader_u8(in);

    switch (how % 6) {
    case 0:
        strcpy(out, "pake");
        break;
    case 1:
        strcpy(out, "version");
        break;
    case 2: /* about the next that is expected */
        mailbox_phase_of_number(out, (g != NULL ? g->order.next : 0) + (n % 8));
        break;
    case 3:
        mailbox_phase_of_number(out, n < 250 ? n : UINT64_MAX - n);
        break;
    case 4:
        snprintf(out, PHASE_LEN_MAX + 1, "e%016x", n);
        break;
    default:
        snprintf(out, PHASE_LEN_MAX + 1, "%c%u", 33 + n % 90, n);
    }
}

/* ---- what a persistent peer could say ---- */

static struct message_id take_id(struct victim *v, struct reader *in)
{
    uint8_t incarnation[MESSAGE_INCARNATION_BYTES] = {0};
    uint8_t how = reader_u8(in), n = reader_u8(in);
    const struct outbound *o = &v->b->outbound;
    const struct inbound *i = &v->b->inbound;

    switch (how % 6) {
    case 0:
        return (struct message_id){0};
    case 1: /* of ours: what waits */
        return o->items != NULL ? o->items->id : o->floor;
    case 2:
        return message_id_of(o->incarnation, o->next_number + n - 8u);
    case 3: /* of theirs: what we have, and what follows on it */
        return i->have.some ? message_id_of(i->have.incarnation, i->have.number + n % 4) : i->have;
    case 4:
        return i->have;
    default:
        incarnation[0] = how;
        return message_id_of(incarnation, n < 128 ? n : UINT64_MAX - n);
    }
}

static void build_numbered(struct victim *v, struct reader *in, struct bytes *plain)
{
    struct message m = {.id = take_id(v, in), .prev = take_id(v, in), .have = take_id(v, in)};
    struct bytes content = {0};
    uint8_t kind = reader_u8(in) % (MESSAGE_KIND_MAX + 1);
    size_t len;
    uint64_t next = v->b->begun + reader_u8(in) % 3;
    const uint8_t *rest = fuzz_some(in, TEXT_MAX / 2, &len);

    bytes_put_u8(&content, kind);
    if (kind == MESSAGE_ROTATE || kind == MESSAGE_ROTATED)
        bytes_put_u64(&content, next);
    bytes_put(&content, rest, len);
    m.content = content.data;
    m.len = content.len;
    m.id.some = true;
    message_build(plain, &m); /* what it does not want to build is an empty plaintext */
    bytes_release(&content);
}

static void build_ephemeral(struct victim *v, struct reader *in, struct bytes *plain)
{
    uint8_t how = reader_u8(in);
    struct message_ephemeral m = {.have = take_id(v, in), .capabilities = how % 2};
    size_t len;
    const uint8_t *json = fuzz_some(in, TEXT_MAX / 2, &len);

    m.kind = (enum message_ephemeral_kind)(MESSAGE_ACK + how % 3);
    m.challenge[0] = how;
    m.json = json;
    m.json_len = len;
    message_ephemeral_build(plain, &m);
}

static void build_version(struct victim *v, struct reader *in, enum wormhole_link link,
                          struct bytes *plain)
{
    const struct generation *g = forger_generation(v, link);
    struct message_version m = {.have = take_id(v, in), .floor = take_id(v, in)};

    m.incarnation[0] = reader_u8(in);
    if (g != NULL && g->mailbox.generation > 0)
        message_version_build(plain, &m);
    else if (m.incarnation[0] % 2 == 0)
        version_build(plain, m.incarnation, "hostile");
    else
        bytes_put_str(plain, "{\"app_versions\":{}}");
}

/* ---- operations ---- */

static void op_raw(struct victim *v, struct reader *in)
{
    enum wormhole_link link = take_link(in);
    size_t len;
    const uint8_t *text = fuzz_some(in, TEXT_MAX, &len);

    victim_hear(v, link, text, len);
}

static void op_body(struct victim *v, struct reader *in)
{
    enum wormhole_link link = take_link(in);
    uint8_t how = reader_u8(in);
    char phase[PHASE_LEN_MAX + 1];
    struct bytes body = {0};
    size_t len;

    take_phase(v, in, link, phase);
    const uint8_t *data = fuzz_some(in, TEXT_MAX, &len);
    bytes_put(&body, data, len);
    if (how >= 128)
        forger_tell(v, link, sender(v, how), phase, &body);
    else
        forger_seal(v, link, sender(v, how), phase, &body);
    bytes_release(&body);
}

static void op_said(struct victim *v, struct reader *in)
{
    enum wormhole_link link = take_link(in);
    uint8_t how = reader_u8(in);
    char phase[PHASE_LEN_MAX + 1];
    struct bytes plain = {0};

    take_phase(v, in, link, phase);
    if (how < 100)
        build_numbered(v, in, &plain);
    else if (how < 180)
        build_ephemeral(v, in, &plain);
    else
        build_version(v, in, link, &plain);
    forger_seal(v, link, sender(v, how), phase, &plain);
    bytes_release(&plain);
}

static void op_pake(struct victim *v, struct reader *in)
{
    answer_pake(v, sender(v, reader_u8(in)));
}

/* The server shows what was added: to both, or under the wrong side, or on the wrong link. */
static void op_echo(struct victim *v, struct reader *in)
{
    uint8_t which = reader_u8(in), how = reader_u8(in);
    const struct victim_added *a = &v->added[which % VICTIM_ADDED];
    struct bytes body = {0};
    char phase[PHASE_LEN_MAX + 1];

    if (which % VICTIM_ADDED >= v->added_count)
        return;
    strcpy(phase, a->phase);
    bytes_put(&body, a->body.data, a->body.len);
    forger_tell(v, how < 240 ? a->link : take_link(in), how < 220 ? v->b->side : sender(v, how),
                phase, &body);
    bytes_release(&body);
}

/* What a stock client says, in its order. */
static void op_classic(struct victim *v, struct reader *in)
{
    static const char *const says[] = {
        "{\"transit\":{\"abilities-v1\":[],\"hints-v1\":[{\"type\":\"direct-tcp-v1\",\"hostname\":"
        "\"192.0.2.1\",\"port\":4000,\"priority\":0.0}]}}",
        "{\"offer\":{\"file\":{\"filename\":\"f\",\"filesize\":7}}}",
        "{\"offer\":{\"message\":\"hello\"}}",
        "{\"offer\":{\"directory\":{\"mode\":\"zipfile/deflated\",\"dirname\":\"d\",\"zipsize\":"
        "1,\"numbytes\":2,\"numfiles\":3}}}",
        "{\"answer\":{\"file_ack\":\"ok\"}}",
        "{\"answer\":{\"message_ack\":\"ok\"}}",
        "{\"error\":\"transfer rejected\"}",
    };
    enum { SAYS = sizeof says / sizeof *says };
    uint8_t what = reader_u8(in);
    char phase[PHASE_LEN_MAX + 1];
    struct bytes plain = {0};
    size_t len;

    mailbox_phase_of_number(phase, v->b->code_order.next + what / 200);
    if (what % (SAYS + 1) < SAYS) {
        bytes_put_str(&plain, says[what % (SAYS + 1)]);
    } else {
        const uint8_t *text = fuzz_some(in, TEXT_MAX, &len);
        bytes_put(&plain, text, len);
    }
    forger_seal(v, LINK_CODE, sender(v, 0), phase, &plain);
    bytes_release(&plain);
}

/* At the meeting: a challenge; an answer or confirm to ours. */
static void op_meet(struct victim *v, struct reader *in)
{
    enum { CHALLENGE = 80, ANSWER, CONFIRM };
    const struct meeting *m = &v->b->meeting;
    uint8_t what = reader_u8(in), n = reader_u8(in);
    uint8_t theirs[RATCHET_CHALLENGE_BYTES] = {0xcc, (uint8_t)(n % 4)}, public[32] = {9};
    struct bytes plain = {0};
    char phase[PHASE_LEN_MAX + 1];

    if (what % 3 == 0) {
        bytes_put_u8(&plain, CHALLENGE);
        bytes_put(&plain, theirs, sizeof theirs);
    } else { /* the follower's first */
        bytes_put_u8(&plain, v->b->leader ? CONFIRM : ANSWER);
        bytes_put(&plain, v->b->leader ? theirs : m->mine.challenge, sizeof theirs);
        bytes_put(&plain, v->b->leader ? m->mine.challenge : theirs, sizeof theirs);
    }
    bytes_put_u64(&plain, v->b->begun + n / 64u);
    bytes_put(&plain, public, sizeof public);
    snprintf(phase, sizeof phase, "e%016x", what);
    forger_seal(v, LINK_MEETING, sender(v, 0), phase, &plain);
    bytes_release(&plain);
}

/* The peer's version, which confirms a generation. */
static void op_confirm(struct victim *v, struct reader *in)
{
    enum wormhole_link link = reader_u8(in) % 4 == 0 ? LINK_CURRENT : LINK_NEXT;
    struct bytes plain = {0};

    build_version(v, in, link, &plain);
    forger_seal(v, link, sender(v, 0), "version", &plain);
    bytes_release(&plain);
}

static void op_server(struct victim *v, struct reader *in)
{
    static const char *const forms[] = {
        "{\"type\":\"welcome\",\"welcome\":{}}",
        "{\"type\":\"welcome\",\"welcome\":{\"error\":\"no\"}}",
        "{\"type\":\"welcome\",\"welcome\":{\"permission-required\":{\"x\":{}}}}",
        "{\"type\":\"ack\",\"id\":\"1\"}",
        "{\"type\":\"allocated\",\"nameplate\":\"#\"}",
        "{\"type\":\"claimed\",\"mailbox\":\"m#\"}",
        "{\"type\":\"released\"}",
        "{\"type\":\"closed\"}",
        "{\"type\":\"pong\",\"pong\":#}",
        "{\"type\":\"error\",\"error\":\"crowded\",\"orig\":{\"type\":\"open\",\"n\":#}}",
        "{\"type\":\"error\",\"error\":\"crowded\",\"orig\":{\"type\":\"claim\"}}",
        "{\"type\":\"error\",\"error\":\"reclaimed\",\"orig\":{\"type\":\"claim\"}}",
        "{\"type\":\"error\",\"error\":\"other\",\"orig\":{\"type\":\"add\"}}",
        "{\"type\":\"nameplates\",\"nameplates\":[{\"id\":\"#\"}]}",
    };
    enum wormhole_link link = take_link(in);
    const char *form = forms[reader_u8(in) % (sizeof forms / sizeof *forms)];
    unsigned n = reader_u8(in);
    char text[200];

    /* The fence is passed by the right pong. */
    if (strstr(form, "pong") != NULL && n < 200)
        n = (unsigned)v->ping;
    const char *hole = strchr(form, '#');
    size_t before = hole != NULL ? (size_t)(hole - form) : strlen(form);
    if (hole != NULL)
        snprintf(text, sizeof text, "%.*s%u%s", (int)before, form, n, hole + 1);
    else
        snprintf(text, sizeof text, "%s", form);
    victim_hear(v, link, text, strlen(text));
}

static void op_link(struct victim *v, struct reader *in)
{
    enum wormhole_link link = take_link(in);
    struct actions actions = {0};
    bool up = reader_u8(in) % 4 != 0;
    int err = up ? boss_link_up(v->b, link, &v->now, &actions)
                 : boss_link_down(v->b, link, &v->now, &actions);

    MUST(err == PROTO_OK);
    victim_done(v, &actions, err);
}

static void op_wait(struct victim *v, struct reader *in)
{
    uint8_t shift = reader_u8(in) % 24;

    victim_wait(v, (int64_t)reader_u8(in) << shift);
}

static int send_one(struct victim *v, const struct bytes *content, struct actions *actions)
{
    uint64_t number;
    uint8_t incarnation[16];
    bool room = boss_room(v->b) > 0;
    int err = boss_send(v->b, content->data, content->len, &number, incarnation, &v->now, actions);

    MUST(!room || err == PROTO_OK);
    if (err == PROTO_OK)
        pair_store_add_message(&v->store, number, incarnation, content->data, content->len);
    return err;
}

static int send(struct victim *v, struct reader *in, struct actions *actions)
{
    struct bytes content = {0};

    bytes_put_u8(&content, MESSAGE_KIND_APPLICATION);
    bytes_put_u64(&content, v->store.sent++);
    for (size_t n = reader_u8(in) * 60u; n > 0; n--)
        bytes_put_u8(&content, 'x');
    int err = send_one(v, &content, actions);
    bytes_release(&content);
    return err;
}

static void op_user(struct victim *v, struct reader *in)
{
    static const struct classic_offer offer = {.name = "file", .size = 1000};
    struct actions actions = {0};
    uint8_t what = reader_u8(in);
    int err = PROTO_OK;

    switch (what % 10) {
    case 0:
        err = boss_allocate(v->b, &v->now, &actions);
        break;
    case 1:
        err = boss_join(v->b, "3-waterloo-involve", &v->now, &actions);
        break;
    case 2:
        err = what < 30 ? boss_close(v->b, &v->now, &actions) : 0;
        break;
    case 3:
        err = boss_want_bulk(v->b, what < 128, &v->now, &actions);
        break;
    case 4:
        err = boss_classic_offer(v->b, &offer, NULL, &v->now, &actions);
        break;
    case 5:
        err = boss_classic_offer(v->b, NULL, "text", &v->now, &actions);
        break;
    case 6:
        err = boss_classic_answer(v->b, what < 128 ? NULL : "no", &v->now, &actions);
        break;
    case 7:
        err = boss_classic_finished(v->b, what < 128, &v->now, &actions);
        break;
    default:
        err = send(v, in, &actions);
    }
    victim_done(v, &actions, err);
}

static void op_transit(struct victim *v, struct reader *in)
{
    struct hint_list direct = {0};
    struct actions actions = {0};
    uint8_t how = reader_u8(in);
    uint64_t attempt = v->attempt + (how >= 240);
    int err;

    hints_add(&direct, HINT_DIRECT, "192.0.2.7", 4001, 0);
    if (how % 3 == 0)
        err = boss_transit_hints(v->b, attempt, &direct, &v->now, &actions);
    else if (how % 3 == 1)
        err = boss_transit_up(v->b, attempt, &v->now, &actions);
    else
        err = boss_transit_down(v->b, attempt, &v->now, &actions);
    MUST(err == PROTO_OK);
    victim_done(v, &actions, err);
}

static void op_restart(struct victim *v, struct reader *in)
{
    if (reader_u8(in) % 4 == 0 && v->store.snapshot.len > 0)
        victim_restart(v);
}

typedef void op_fn(struct victim *v, struct reader *in);
static op_fn *const ops[] = {op_raw,     op_body, op_said,    op_said, op_pake,
                             op_server,  op_link, op_wait,    op_user, op_transit,
                             op_restart, op_echo, op_classic, op_meet, op_confirm};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct reader in = reader_of(data, len);
    struct victim v;

    if (story_count == 0)
        prepare();
    uint8_t how = reader_u8(&in);
    MUST(victim_start(&v, &stories[how % story_count]));
    for (enum wormhole_link link = LINK_CODE; how < UP && link < LINK_COUNT; link++)
        forger_up(&v, link, how < FORGETS);
    for (unsigned n = 0; n < OPS_MAX && fuzz_more(&in); n++)
        ops[reader_u8(&in) % (sizeof ops / sizeof *ops)](&v, &in);
    victim_stop(&v);
    return 0;
}
