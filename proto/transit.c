#include "proto/transit.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "proto/bytes.h"
#include "proto/error.h"
#include "proto/kdf.h"

enum { TOKEN_BYTES = 32 };

static void derive_hex(char hex[static 2 * TOKEN_BYTES + 1],
                       const uint8_t key[static TRANSIT_KEY_BYTES], const char *purpose)
{
    uint8_t token[TOKEN_BYTES];

    kdf_purpose(token, sizeof(token), key, purpose);
    hex_encode(hex, token, sizeof(token));
    sodium_memzero(token, sizeof(token));
}

static void make_line(char line[static TRANSIT_LINE_MAX],
                      const uint8_t key[static TRANSIT_KEY_BYTES], enum transit_role role)
{
    char hex[2 * TOKEN_BYTES + 1];
    bool sender = role == TRANSIT_SENDER;

    derive_hex(hex, key, sender ? "transit_sender" : "transit_receiver");
    int len = snprintf(line, TRANSIT_LINE_MAX, "transit %s %s ready\n\n",
                       sender ? "sender" : "receiver", hex);
    assert(len > 0 && len < TRANSIT_LINE_MAX);
    sodium_memzero(hex, sizeof(hex));
}

/* At most a request to the relay, our line, and one word: they fit. */
static void send_text(struct transit *t, const char *text)
{
    size_t len = strlen(text);

    assert(len <= sizeof(t->tx) - t->tx_len);
    memcpy(t->tx + t->tx_len, text, len);
    t->tx_len += len;
}

static void ask_relay(struct transit *t, const uint8_t key[static TRANSIT_KEY_BYTES],
                      const char *side)
{
    char hex[2 * TOKEN_BYTES + 1], line[TRANSIT_LINE_MAX];

    derive_hex(hex, key, "transit_relay_token");
    int len = snprintf(line, sizeof(line), "please relay %s for side %s\n", hex, side);
    assert(len > 0 && (size_t)len < sizeof(line));
    send_text(t, line);
    sodium_memzero(hex, sizeof(hex));
    sodium_memzero(line, sizeof(line));
}

static bool is_relay_side(const char *side)
{
    return strnlen(side, TRANSIT_SIDE_LEN + 1) == TRANSIT_SIDE_LEN &&
           strspn(side, "0123456789abcdef") == TRANSIT_SIDE_LEN;
}

int transit_init(struct transit *t, const uint8_t key[static TRANSIT_KEY_BYTES],
                 enum transit_role role, const char *relay_side)
{
    if (relay_side != NULL && !is_relay_side(relay_side))
        return PROTO_ERR_INVALID;
    *t = (struct transit){.role = role};
    make_line(t->ours, key, role);
    make_line(t->theirs, key, role == TRANSIT_SENDER ? TRANSIT_RECEIVER : TRANSIT_SENDER);
    if (relay_side != NULL) {
        t->state = TRANSIT_RELAY_WAIT;
        ask_relay(t, key, relay_side);
    } else {
        t->state = TRANSIT_HANDSHAKE;
        send_text(t, t->ours);
    }
    return PROTO_OK;
}

void transit_release(struct transit *t)
{
    sodium_memzero(t, sizeof(*t));
}

static int fail(struct transit *t, int err)
{
    t->state = TRANSIT_FAILED;
    t->tx_len = 0;
    return err;
}

/* What must come next, or NULL where nothing may be taken. Public apart from the HEX in it. */
static const char *expected(const struct transit *t)
{
    switch (t->state) {
    case TRANSIT_RELAY_WAIT:
        return "ok\n";
    case TRANSIT_HANDSHAKE:
        return t->theirs;
    case TRANSIT_WAIT_GO:
        return t->line_len > 0 && t->line[0] == 'n' ? "nevermind\n" : "go\n";
    case TRANSIT_OFFERED:
    case TRANSIT_SELECTED:
    case TRANSIT_REJECTED:
    case TRANSIT_FAILED:
        break;
    }
    return NULL;
}

static void line_arrived(struct transit *t)
{
    switch (t->state) {
    case TRANSIT_RELAY_WAIT:
        t->state = TRANSIT_HANDSHAKE;
        send_text(t, t->ours);
        break;
    case TRANSIT_HANDSHAKE:
        t->state = t->role == TRANSIT_SENDER ? TRANSIT_OFFERED : TRANSIT_WAIT_GO;
        break;
    case TRANSIT_WAIT_GO:
        t->state = t->line[0] == 'n' ? TRANSIT_REJECTED : TRANSIT_SELECTED;
        break;
    case TRANSIT_OFFERED:
    case TRANSIT_SELECTED:
    case TRANSIT_REJECTED:
    case TRANSIT_FAILED:
        assert(false); /* expected() is NULL in these */
    }
    t->line_len = 0;
}

/* A line that ends too early or too late is given up at once, which bounds it; what is between
 * is compared only when all of it is there and in constant time, so that nobody can find the HEX
 * one digit after the other. */
static int take_byte(struct transit *t, const char *want, uint8_t byte)
{
    size_t want_len = strlen(want);

    t->line[t->line_len++] = byte;
    if ((byte == '\n') != (want[t->line_len - 1] == '\n'))
        return fail(t, PROTO_ERR_MALFORMED);
    if (t->line_len < want_len)
        return PROTO_OK;
    if (sodium_memcmp(t->line, want, want_len) != 0) {
        bool secret = t->state == TRANSIT_HANDSHAKE;
        return fail(t, secret ? PROTO_ERR_CRYPTO : PROTO_ERR_MALFORMED);
    }
    line_arrived(t);
    return PROTO_OK;
}

int transit_rx(struct transit *t, const void *data, size_t len)
{
    const uint8_t *bytes = data;
    int taken = 0;

    if (t->state == TRANSIT_REJECTED || t->state == TRANSIT_FAILED)
        return PROTO_ERR_STATE;
    for (size_t i = 0; i < len; i++) {
        const char *want = expected(t);
        if (want == NULL)
            break;
        int err = take_byte(t, want, bytes[i]);
        if (err != PROTO_OK)
            return err;
        taken++;
    }
    return taken;
}

const uint8_t *transit_tx(const struct transit *t, size_t *len)
{
    *len = t->tx_len;
    return t->tx;
}

void transit_tx_done(struct transit *t, size_t len)
{
    assert(len <= t->tx_len);
    memmove(t->tx, t->tx + len, t->tx_len - len);
    t->tx_len -= len;
}

static int choose(struct transit *t, const char *word, enum transit_state next)
{
    if (t->state != TRANSIT_OFFERED)
        return PROTO_ERR_STATE;
    send_text(t, word);
    t->state = next;
    return PROTO_OK;
}

int transit_select(struct transit *t)
{
    return choose(t, "go\n", TRANSIT_SELECTED);
}

int transit_reject(struct transit *t)
{
    return choose(t, "nevermind\n", TRANSIT_REJECTED);
}
