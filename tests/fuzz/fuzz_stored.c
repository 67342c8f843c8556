/* The parts of a machine as they are stored: whatever can be loaded can be saved, and what is saved
 * loads again to the same. The first byte says which part. */
#include <sodium.h>

#include "proto/classic.h"
#include "proto/generation.h"
#include "proto/inbound.h"
#include "proto/key.h"
#include "proto/meeting.h"
#include "proto/nameplate.h"
#include "proto/order.h"
#include "proto/outbound.h"
#include "tests/fuzz/fuzz.h"

/* Loads, saves to *out, releases. The result of the load. */
typedef int part_fn(struct reader *in, struct bytes *out);

static int do_order(struct reader *in, struct bytes *out)
{
    struct order o = {0};
    int err = order_load(&o, in);

    if (err == PROTO_OK) {
        MUST(order_put(&o, "version", "v", 1) >= 0 && order_put(&o, "7", "n", 1) >= 0);
        MUST(order_save(&o, out) == PROTO_OK);
    }
    order_release(&o);
    return err;
}

static int do_mailbox(struct reader *in, struct bytes *out)
{
    struct mailbox m = {0};
    int err = mailbox_load(&m, in);

    if (err == PROTO_OK) {
        MUST(m.state != MAILBOX_OPEN && m.state != MAILBOX_REPLAY);
        mailbox_room(&m, MAILBOX_NORMAL, 100);
        MUST(mailbox_save(&m, out) == PROTO_OK);
        mailbox_release(&m);
    }
    return err;
}

static int do_nameplate(struct reader *in, struct bytes *out)
{
    struct nameplate n;
    int err = nameplate_load(&n, in);

    if (err == PROTO_OK)
        MUST(nameplate_save(&n, out) == PROTO_OK);
    return err;
}

static int do_key(struct reader *in, struct bytes *out)
{
    struct key k;
    struct bytes plain = {0};
    struct now now = {.ms = 1};
    int err = key_load(&k, in);

    if (err == PROTO_OK) {
        MUST(key_save(&k, out) == PROTO_OK);
        key_seal(&k, "side", "version", "x", 1, &now, &plain);
        key_pake(&k, "{}", 2);
    }
    key_release(&k);
    bytes_release(&plain);
    return err;
}

static int do_meeting(struct reader *in, struct bytes *out)
{
    struct meeting m = {0};
    int err = meeting_load(&m, in);

    if (err == PROTO_OK)
        MUST(meeting_save(&m, out) == PROTO_OK &&
             strnlen(m.phase, sizeof m.phase) <= PHASE_LEN_MAX);
    meeting_release(&m);
    return err;
}

static int do_rotation(struct reader *in, struct bytes *out)
{
    struct rotation r = {0};
    int err = rotation_load(&r, in);

    if (err == PROTO_OK)
        MUST(rotation_save(&r, out) == PROTO_OK);
    rotation_clear(&r);
    return err;
}

static int do_inbound(struct reader *in, struct bytes *out)
{
    struct inbound i;
    int err = inbound_load(&i, in);

    if (err == PROTO_OK) {
        MUST(i.count <= INBOUND_SEEN_MAX);
        MUST(inbound_save(&i, out) == PROTO_OK);
        struct message_id id = message_id_of((const uint8_t[16]){1}, i.have.number + 1);
        inbound_process(&i, &id);
        inbound_handled(&i, &id, 1);
        MUST(i.count <= INBOUND_SEEN_MAX);
    }
    return err;
}

static int do_outbound(struct reader *in, struct bytes *out)
{
    struct outbound o = {0};
    int err = outbound_load(&o, in);

    if (err == PROTO_OK) {
        MUST(outbound_save(&o, out) == PROTO_OK);
        outbound_restore(&o, outbound_first(&o), (const uint8_t[16]){1}, "x", 1);
        outbound_complete(&o);
        outbound_ack(&o, &(struct message_id){0});
        outbound_release(&o);
    }
    return err;
}

static int do_generation(struct reader *in, struct bytes *out)
{
    struct generation *g = generation_load(in);

    if (g != NULL)
        MUST(generation_save(g, out) == PROTO_OK);
    bool ok = g != NULL;
    generation_free(g);
    return ok ? PROTO_OK : PROTO_ERR_MALFORMED;
}

static int do_classic(struct reader *in, struct bytes *out)
{
    struct classic c = {0};
    int err = classic_load(&c, in);

    if (err == PROTO_OK) {
        struct actions actions = {0};
        MUST(c.peer_hints.count <= HINTS_MAX && c.relays.count <= HINTS_MAX);
        MUST(classic_save(&c, out) == PROTO_OK);
        MUST(classic_restored(&c, 1, &actions) == PROTO_OK);
        actions_release(&actions);
        classic_release(&c);
    }
    return err;
}

static part_fn *const parts[] = {do_order,    do_mailbox, do_nameplate, do_key,        do_meeting,
                                 do_rotation, do_inbound, do_outbound,  do_generation, do_classic};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct bytes first = {0}, second = {0};

    MUST(sodium_init() >= 0);
    if (len == 0)
        return 0;
    part_fn *part = parts[data[0] % (sizeof parts / sizeof *parts)];
    struct reader in = reader_of(data + 1, len - 1);
    if (part(&in, &first) == PROTO_OK) {
        in = reader_of(first.data, first.len);
        MUST(part(&in, &second) == PROTO_OK && reader_done(&in));
        MUST(fuzz_equal(&second, first.data, first.len));
    }
    bytes_release(&first);
    bytes_release(&second);
    return 0;
}
