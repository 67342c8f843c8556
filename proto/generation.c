#include "proto/generation.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "proto/error.h"
#include "proto/mailbox_phase.h"
#include "proto/phase.h"
#include "proto/rotation.h"
#include "proto/vault.h"

enum flag {
    FLAG_BROKEN = 1,
    FLAG_PEER_BACK = 2,
    FLAG_FULL = 4,
    FLAGS_ALL = 7,
};

/* ---- life ---- */

struct generation *generation_new(uint64_t number, enum generation_origin origin,
                                  const uint8_t key[static RATCHET_KEY_BYTES],
                                  uint64_t first_number, const struct generation_names *names)
{
    char id[RATCHET_MAILBOX_LEN + 1];
    struct generation *g = vault_alloc(sizeof(*g));

    if (g == NULL)
        return NULL;
    g->origin = origin;
    g->first_number = first_number;
    memcpy(g->key, key, sizeof(g->key));
    order_init(&g->order, false);
    ratchet_mailbox(id, names->roots, number);
    if (mailbox_init(&g->mailbox, number, id, names->side, names->peer) == PROTO_OK)
        return g;
    generation_free(g);
    return NULL;
}

void generation_free(struct generation *g)
{
    if (g == NULL)
        return;
    mailbox_release(&g->mailbox);
    order_release(&g->order);
    vault_free(g, sizeof(*g));
}

bool generation_is_met(const struct generation *g)
{
    return g->order.state == ORDER_NUMBERED;
}

bool generation_is_open(const struct generation *g)
{
    return g->mailbox.state == MAILBOX_OPEN;
}

/* ---- bodies ---- */

int generation_open(const struct generation *g, const char *side, const char *phase,
                    const void *body, size_t len, struct bytes *plain)
{
    return phase_decrypt(plain, g->key, side, phase, body, len);
}

int generation_add(struct generation *g, const char *phase, const struct bytes *plain,
                   struct rendezvous *r, struct now *now, struct actions *actions)
{
    struct bytes body = {0};

    int err = phase_encrypt(&body, g->key, g->mailbox.side, phase, plain->data, plain->len, now);
    if (err == PROTO_OK)
        err = mailbox_add(&g->mailbox, r, phase, body.data, body.len, actions);
    bytes_release(&body);
    return err;
}

int generation_add_once(struct generation *g, const struct bytes *plain, struct rendezvous *r,
                        struct now *now, struct actions *actions)
{
    struct bytes body = {0};
    char phase[PHASE_LEN_MAX + 1];

    mailbox_phase_draw(phase, now);
    int err = phase_encrypt(&body, g->key, g->mailbox.side, phase, plain->data, plain->len, now);
    if (err == PROTO_OK)
        err = mailbox_add_once(&g->mailbox, r, phase, body.data, body.len, actions);
    bytes_release(&body);
    return err;
}

/* ---- our numbered messages ---- */

uint64_t generation_next_number(const struct generation *g)
{
    return g->first_number + g->mailbox.next_number;
}

int generation_put(struct generation *g, const struct outbound *o, const struct outbound_item *item,
                   const struct message_id *position, struct rendezvous *r, struct now *now,
                   struct actions *actions)
{
    struct bytes plain = {0};
    char phase[PHASE_LEN_MAX + 1];
    struct message m = {.id = item->id,
                        .prev = outbound_prev(o, item),
                        .have = *position,
                        .content = item->content.data,
                        .len = item->content.len};

    mailbox_phase_of_number(phase, g->mailbox.next_number);
    int err = message_build(&plain, &m);
    if (err == PROTO_OK)
        err = generation_add(g, phase, &plain, r, now, actions);
    bytes_release(&plain);
    return err;
}

bool generation_has_room(const struct generation *g, const uint8_t *content, size_t len)
{
    size_t body_len = len + MESSAGE_ENVELOPE_MAX + PHASE_OVERHEAD;
    bool moving = content[0] == MESSAGE_ROTATE || content[0] == MESSAGE_ROTATED;

    if (content[0] >= MESSAGE_KIND_APPLICATION)
        return mailbox_room(&g->mailbox, MAILBOX_NORMAL, body_len) > 0;
    return mailbox_room(&g->mailbox, MAILBOX_CONTROL, body_len) > (moving ? 0 : 1);
}

void generation_acked(struct generation *g, uint64_t number, struct actions *actions)
{
    char phase[PHASE_LEN_MAX + 1];

    if (number < g->first_number || number >= generation_next_number(g))
        return;
    mailbox_phase_of_number(phase, number - g->first_number);
    mailbox_forget(&g->mailbox, phase, actions);
}

/* ---- saving ---- */

static uint8_t flags_of(const struct generation *g)
{
    return (uint8_t)((g->broken ? FLAG_BROKEN : 0) | (g->peer_back ? FLAG_PEER_BACK : 0) |
                     (g->full ? FLAG_FULL : 0));
}

int generation_save(const struct generation *g, struct bytes *out)
{
    bytes_put_u8(out, (uint8_t)g->origin);
    bytes_put_u8(out, flags_of(g));
    bytes_put(out, g->key, sizeof(g->key));
    bytes_put_u64(out, g->first_number);
    int err = order_save(&g->order, out);
    return err != PROTO_OK ? err : mailbox_save(&g->mailbox, out);
}

struct generation *generation_load(struct reader *in)
{
    struct generation *g = vault_alloc(sizeof(*g));

    if (g == NULL)
        return NULL;
    uint8_t origin = reader_u8(in), flags = reader_u8(in);
    reader_copy(in, g->key, sizeof(g->key));
    g->first_number = reader_u64(in);
    bool good = origin <= GENERATION_MET && flags <= FLAGS_ALL && reader_ok(in) &&
                order_load(&g->order, in) == PROTO_OK && g->order.state != ORDER_WAIT_PAKE &&
                mailbox_load(&g->mailbox, in) == PROTO_OK &&
                g->mailbox.generation <= GENERATION_MAX;
    g->origin = (enum generation_origin)origin;
    g->broken = (flags & FLAG_BROKEN) != 0;
    g->peer_back = (flags & FLAG_PEER_BACK) != 0;
    g->full = (flags & FLAG_FULL) != 0;
    if (good)
        return g;
    generation_free(g);
    return NULL;
}
