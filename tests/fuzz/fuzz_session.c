/* A persistent peer that has every key and means harm, against a whole engine and store: messages
 * about entries, and a bulk connection. Operations:
 *
 *     0 an application message as it comes     4 a data frame at the offset that is wanted
 *     1 an offer                               5 a data frame anywhere
 *     2 a piece                                6 a control frame
 *     3 a withdrawal or decision               7 bytes as they are
 *     8 time passes, the session steps         9 the connection begins anew
 *
 * After each input nothing that is arriving is left once it is dropped. The store stays for some
 * inputs; revisions are told apart by a number. */
#include "tests/fuzz/fuzz.h"
#include "tests/unit/engine_rig.h"

#include "fs/engine/session.h"
#include "proto/bulk.h"
#include "tests/sim/pipe.h"

enum { INPUTS_PER_STORE = 100, OPS_MAX = 60, DATA_MAX = 8192, REVISIONS = 4, OURS = 3 };

struct peer {
    struct stream *ours, *theirs;
    struct session *session; /* NULL: no connection */
    struct bulk_sender tx;
    struct bulk_receiver rx;
    uint64_t wanted[REVISIONS]; /* offsets that the session asked for */
};

static struct erig *rig;
static unsigned inputs;
static struct peer peer;

static void make_revision_id(uint8_t rev[static REV_BYTES], uint8_t n)
{
    memset(rev, 0, REV_BYTES);
    rev[0] = n % REVISIONS;
    if (rev[0] != OURS)
        memcpy(rev + 1, &inputs, sizeof inputs);
}

/* Something of ours that has been offered: it may be wanted. */
static void offer_ours(void)
{
    struct revision r = {.wormhole = rig->id, .state = REVISION_TOLD};
    uint64_t file = make_file(rig, rig->outbox, "ours", 100000);
    struct revision made = make_revision(rig, file, 77);

    make_revision_id(r.rev, OURS);
    MUST(parcel_list(rig->r->store, made.rev, NULL, NULL, &r.manifest, &r.size, &r.items) == 0);
    r.ino = file;
    struct turn *t = rig_turn(rig->r);
    struct entry_seal seal = {.ino = file, .size = r.size, .files = 1};
    memcpy(seal.rev, r.rev, REV_BYTES);
    MUST(entry_seal(t, &seal) == 0);
    MUST(revision_erase(t, made.rev) == 0 && revision_put(t, &r) == 0);
    commit(t);
}

/* ---- messages ---- */

static int deliver_content(struct step *step, void *arg)
{
    const struct bytes *content = arg;
    return inbox_deliver(step, content->data, content->len);
}

static void deliver(const struct bytes *content)
{
    int err = step_alone(rig->e, rig->id, deliver_content, (void *)(uintptr_t)content);

    MUST(err == 0 || err == STORE_ERR_NOSPACE || err == STORE_ERR_QUOTA);
}

static void deliver_message(struct peer_message *m, uint8_t rev)
{
    struct bytes content = {0};

    make_revision_id(m->revision, rev);
    if (peer_build(&content, m) == PROTO_OK)
        deliver(&content);
    bytes_release(&content);
}

static void say(struct reader *in, uint8_t op, uint8_t rev)
{
    struct peer_message m = {.kind = PEER_OFFER};
    struct bytes content = {0};
    size_t len;

    m.size = reader_u32(in);
    m.offset = reader_u16(in);
    m.items = reader_u8(in);
    m.verdict = (enum peer_verdict)(m.items % 4);
    m.data = fuzz_some(in, DATA_MAX, &len);
    m.len = len;
    switch (op) {
    case 0:
        bytes_put(&content, m.data, m.len);
        deliver(&content);
        bytes_release(&content);
        return;
    case 1:
        m.len = m.len < PEER_NAME_MAX ? m.len : PEER_NAME_MAX;
        break;
    case 2:
        m.kind = PEER_PIECE;
        if (m.items % 2 == 0) { /* all of it */
            m.size = m.len;
            m.offset = 0;
        }
        break;
    default:
        m.kind = m.items % 2 == 0 ? PEER_WITHDRAW : PEER_DECISION;
        m.len = m.len < PEER_NAME_MAX ? m.len : PEER_NAME_MAX;
    }
    deliver_message(&m, rev);
}

/* ---- the connection ---- */

static void hang_up(void)
{
    if (peer.session == NULL)
        return;
    session_close(peer.session);
    pipe_close(peer.ours);
    pipe_close(peer.theirs);
    bulk_sender_release(&peer.tx);
    bulk_receiver_release(&peer.rx);
    peer = (struct peer){0};
}

static void dial(void)
{
    struct transit_plan plan = {.key = {1, 2, 3}, .sender = true};

    hang_up();
    pipe_open(&peer.ours, &peer.theirs);
    MUST(bulk_sender_init(&peer.tx, plan.key, false, false) == PROTO_OK);
    MUST(bulk_receiver_init(&peer.rx, plan.key, false, false) == PROTO_OK);
    peer.session = session_open(rig->e, rig->id, &plan, peer.ours);
    MUST(peer.session != NULL);
}

static void listen(void)
{
    struct bulk_message m;

    for (;;) {
        int got = bulk_receiver_next(&peer.rx, &m);
        MUST(got >= 0);
        if (got == 1 && m.kind == BULK_WANT)
            peer.wanted[m.revision[0] % REVISIONS] = m.offset;
        if (got == 1)
            continue;
        size_t room;
        uint8_t *to = bulk_receiver_room(&peer.rx, &room);
        ssize_t n = stream_recv(peer.theirs, to, room);
        if (n <= 0)
            return;
        bulk_receiver_filled(&peer.rx, (size_t)n);
    }
}

static void steps(unsigned count)
{
    for (unsigned i = 0; i < count && peer.session != NULL; i++) {
        int ready = pipe_ready(peer.ours, session_interest(peer.session));
        bool goes_on = session_step(peer.session, ready);
        listen();
        if (!goes_on)
            hang_up();
    }
}

static void put(const uint8_t *data, size_t len)
{
    while (len > 0 && peer.session != NULL) {
        ssize_t n = stream_send(peer.theirs, data, len);
        MUST(n >= 0);
        data += n;
        len -= (size_t)n;
        steps(2);
    }
}

static void send_data(struct reader *in, bool right, uint8_t rev)
{
    static uint8_t frame[BULK_FRAME_MAX];
    uint8_t revision[REV_BYTES];
    uint64_t offset = right ? peer.wanted[rev % REVISIONS] : reader_u64(in);
    size_t len;
    const uint8_t *data = fuzz_some(in, DATA_MAX, &len);

    if (len == 0 || offset > INT64_MAX - len)
        return;
    make_revision_id(revision, rev);
    memcpy(frame + BULK_DATA_AT, data, len);
    if (right)
        peer.wanted[rev % REVISIONS] += len;
    put(frame, bulk_seal_data(&peer.tx, frame, revision, offset, len));
}

static void send_control(struct reader *in, uint8_t rev)
{
    static const enum bulk_kind kinds[] = {BULK_WANT, BULK_DURABLE, BULK_GONE, BULK_PING};
    uint8_t frame[BULK_CONTROL_MAX], revision[REV_BYTES], times = reader_u8(in);
    enum bulk_kind kind = kinds[reader_u8(in) % 4];
    uint64_t offset = reader_u64(in) & INT64_MAX;

    make_revision_id(revision, rev);
    for (unsigned i = 0; i <= times && peer.session != NULL; i++)
        put(frame, bulk_seal_control(&peer.tx, frame, kind, revision, offset));
}

static void one(struct reader *in)
{
    uint8_t op = reader_u8(in) % 10, rev = reader_u8(in);
    size_t len;

    if (op <= 3) {
        say(in, op, rev);
        steps(3);
    } else if (op == 9 || peer.session == NULL) {
        dial();
        steps(4);
    } else if (op <= 5) {
        send_data(in, op == 4, rev);
    } else if (op == 6) {
        send_control(in, rev);
    } else if (op == 7) {
        const uint8_t *raw = fuzz_some(in, DATA_MAX, &len);
        put(raw, len);
    } else {
        rig->now_ms += rev * 200;
        steps(rev % 8);
    }
}

/* ---- the end ---- */

static int drop_all(struct step *step, void *arg)
{
    (void)arg;
    return inbox_drop_arrivals(step);
}

static void clean_up(void)
{
    hang_up();
    MUST(step_alone(rig->e, rig->id, drop_all, NULL) == 0);
    while (node_sweep(rig->r->store) == 1)
        ;
    MUST(erig_staged(rig) <= 1); /* the manifest of what is ours */
    MUST(rig->spool_calls_in_turns == 0);
}

static void leave(void)
{
    if (rig != NULL)
        MUST(erig_teardown((void **)&rig) == 0);
    rig = NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct reader in = reader_of(data, len);

    if (inputs == 0)
        MUST(atexit(leave) == 0);
    if (inputs % INPUTS_PER_STORE == 0)
        leave();
    if (rig == NULL) {
        MUST(erig_setup((void **)&rig) == 0);
        offer_ours();
    }
    inputs++;
    dial();
    for (unsigned n = 0; n < OPS_MAX && fuzz_more(&in); n++)
        one(&in);
    clean_up();
    return 0;
}
