#include "tests/fuzz/forger.h"

#include "proto/phase.h"
#include "tests/fuzz/fuzz.h"

const struct generation *forger_generation(const struct victim *v, enum wormhole_link link)
{
    return link == LINK_NEXT ? v->b->next : link == LINK_CURRENT ? v->b->current : NULL;
}

/* Gives *key what bodies on this link are sealed with. False: there is no key yet. */
static bool key_of(const struct victim *v, enum wormhole_link link, uint8_t key[static 32])
{
    const struct generation *g = forger_generation(v, link);
    bool have_k = v->b->key.state == KEY_UNVERIFIED || v->b->key.state == KEY_VERIFIED ||
                  v->b->key.state == KEY_FORKED;

    if (g != NULL)
        memcpy(key, g->key, RATCHET_KEY_BYTES);
    else if (link == LINK_MEETING)
        memcpy(key, v->b->roots.meeting, RATCHET_KEY_BYTES);
    else if (have_k)
        memcpy(key, v->b->key.key, KDF_KEY_BYTES);
    return g != NULL || link == LINK_MEETING || have_k;
}

void forger_tell(struct victim *v, enum wormhole_link link, const char *side, const char *phase,
                 const struct bytes *body)
{
    struct bytes text = {0};
    char *hex = malloc(2 * body->len + 1);

    MUST(hex != NULL);
    hex_encode(hex, body->data != NULL ? body->data : (const uint8_t *)"", body->len);
    bytes_put_str(&text, "{\"type\":\"message\",\"side\":\"");
    bytes_put_str(&text, side);
    bytes_put_str(&text, "\",\"phase\":\"");
    for (const char *c = phase; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\')
            bytes_put_u8(&text, '\\');
        bytes_put_u8(&text, (uint8_t)*c);
    }
    bytes_put_str(&text, "\",\"body\":\"");
    bytes_put_str(&text, hex);
    bytes_put_str(&text, "\"}");
    victim_hear(v, link, text.data, text.len);
    free(hex);
    bytes_release(&text);
}

void forger_seal(struct victim *v, enum wormhole_link link, const char *side, const char *phase,
                 const struct bytes *plain)
{
    static struct now dice;
    uint8_t key[32];
    struct bytes body = {0};

    if (!key_of(v, link, key))
        return;
    MUST(phase_encrypt(&body, key, side, phase, plain->len > 0 ? plain->data : (const uint8_t *)"",
                       plain->len, &dice) == PROTO_OK);
    forger_tell(v, link, side, phase, &body);
    bytes_release(&body);
}

static const struct mailbox *mailbox_of(const struct victim *v, enum wormhole_link link)
{
    const struct generation *g = forger_generation(v, link);

    if (link == LINK_CODE)
        return v->b->has_code ? &v->b->code_mailbox : NULL;
    if (link == LINK_MEETING)
        return &v->b->meeting_mailbox;
    return g != NULL ? &g->mailbox : NULL;
}

static void show_kept(struct victim *v, enum wormhole_link link)
{
    const struct mailbox *m = mailbox_of(v, link);
    struct kept {
        char phase[PHASE_LEN_MAX + 1];
        struct bytes body;
    } all[MAILBOX_NUMBERED_MAX + 2];
    size_t count = 0;

    if (m == NULL)
        return;
    /* Copied first: what is heard may change what is kept. */
    for (const struct mailbox_kept *k = m->kept; k != NULL && count < sizeof all / sizeof *all;
         k = k->next) {
        all[count].body = (struct bytes){0};
        strcpy(all[count].phase, k->phase);
        bytes_put(&all[count++].body, k->body.data, k->body.len);
    }
    for (size_t i = 0; i < count; i++) {
        forger_tell(v, link, v->b->side, all[i].phase, &all[i].body);
        bytes_release(&all[i].body);
    }
}

void forger_up(struct victim *v, enum wormhole_link link, bool replay)
{
    struct actions actions = {0};
    char pong[80];
    int err = boss_link_up(v->b, link, &v->now, &actions);

    MUST(err == PROTO_OK);
    victim_done(v, &actions, err);
    if (replay)
        show_kept(v, link);
    snprintf(pong, sizeof pong, "{\"type\":\"pong\",\"pong\":%lld}", (long long)v->ping);
    victim_hear(v, link, pong, strlen(pong));
}
