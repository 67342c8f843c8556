/* The transit handshake of a stranger, a relay or the peer. The first byte says who we are and how
 * the rest is cut; 0xff in the rest stands for the line that the right peer would send. What comes
 * of it must not depend on how it was cut. */
#include "proto/transit.h"
#include "tests/fuzz/fuzz.h"

enum { SENDER = 1, RELAY = 2, CUT_SHIFT = 2, TEXT_MAX = 4096, THE_LINE = 0xff };

static const uint8_t key[TRANSIT_KEY_BYTES] = {1, 2, 3};

static void start(struct transit *t, uint8_t how)
{
    MUST(transit_init(t, key, (how & SENDER) != 0 ? TRANSIT_SENDER : TRANSIT_RECEIVER,
                      (how & RELAY) != 0 ? "0123456789abcdef" : NULL) == PROTO_OK);
}

static size_t spell(char *out, const uint8_t *data, size_t len, const char *line)
{
    size_t n = 0;

    for (size_t i = 0; i < len && n < TEXT_MAX - TRANSIT_LINE_MAX; i++) {
        if (data[i] != THE_LINE) {
            out[n++] = (char)data[i];
            continue;
        }
        memcpy(out + n, line, strlen(line));
        n += strlen(line);
    }
    return n;
}

/* Returns how much was taken; `cut` at a time. */
static size_t feed(struct transit *t, const char *text, size_t len, size_t cut)
{
    size_t taken = 0;

    while (taken < len) {
        size_t n = len - taken < cut ? len - taken : cut, tx;
        int used = transit_rx(t, text + taken, n);
        MUST(used < 0 || (size_t)used <= n);
        transit_tx(t, &tx);
        MUST(tx <= sizeof t->tx && t->line_len <= sizeof t->line);
        if (used < 0) {
            MUST(t->state == TRANSIT_FAILED || t->state == TRANSIT_REJECTED);
            break;
        }
        transit_tx_done(t, tx / 2);
        taken += (size_t)used;
        if (t->state == TRANSIT_OFFERED)
            MUST((len % 2 == 0 ? transit_select(t) : transit_reject(t)) == PROTO_OK);
        else if (used == 0)
            break;
    }
    return taken;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static char text[TEXT_MAX];
    struct transit whole, cut;

    if (len == 0)
        return 0;
    start(&whole, data[0]);
    start(&cut, data[0]);
    size_t n = spell(text, data + 1, len - 1, whole.theirs);
    size_t taken = feed(&whole, text, n, n + 1);
    size_t taken_cut = feed(&cut, text, n, 1u + (data[0] >> CUT_SHIFT));
    MUST(whole.state == cut.state);
    MUST(whole.state != TRANSIT_SELECTED || taken == taken_cut);
    transit_release(&whole);
    transit_release(&cut);
    return 0;
}
