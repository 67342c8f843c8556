/* A stored snapshot of a whole boss: what it takes it can live with. */
#include <sodium.h>

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/victim.h"

enum { MINUTE_MS = 60000 };

static void live(struct victim *v)
{
    static const char welcome[] = "{\"type\":\"welcome\",\"welcome\":{}}";

    for (enum wormhole_link link = LINK_CODE; link < LINK_COUNT; link++) {
        struct actions actions = {0};
        victim_done(v, &actions, boss_link_up(v->b, link, &v->now, &actions));
        victim_hear(v, link, welcome, strlen(welcome));
    }
    victim_wait(v, MINUTE_MS);
    struct actions actions = {0};
    victim_done(v, &actions, boss_close(v->b, &v->now, &actions));
    victim_wait(v, MINUTE_MS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct victim v;
    struct pair_store store;

    MUST(sodium_init() >= 0);
    if (len == 0)
        return 0;
    pair_store_init(&store);
    bytes_put(&store.snapshot, data, len);
    if (victim_start(&v, &store)) {
        live(&v);
        victim_restart(&v);
        victim_stop(&v);
    }
    pair_store_release(&store);
    return 0;
}
