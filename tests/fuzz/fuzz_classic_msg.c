/* A message of the stock file-transfer v1: what was understood can be said again. */
#include "proto/classic_msg.h"
#include "tests/fuzz/fuzz.h"

static void same_hints(const struct hint_list *a, const struct hint_list *b)
{
    MUST(a->count == b->count && a->count <= HINTS_MAX);
    for (enum hint_kind kind = HINT_DIRECT; kind <= HINT_RELAY; kind++)
        MUST(hints_count(a, kind) == hints_count(b, kind));
    MUST(hints_count(a, HINT_DIRECT) <= HINTS_DIRECT_MAX);
    MUST(hints_count(a, HINT_RELAY) <= HINTS_RELAY_MAX);
}

static void same_offer(const struct classic_offer *a, const struct classic_offer *b)
{
    MUST(a->directory == b->directory && a->size == b->size && a->size <= INT64_MAX);
    MUST(strcmp(a->name, b->name) == 0);
    MUST(!a->directory || (a->total == b->total && a->files == b->files));
}

static void say_again(const struct classic_msg *m)
{
    struct bytes built = {0};
    struct classic_msg again = {0};
    int err = m->kind == CLASSIC_MSG_TRANSIT ? classic_msg_transit(&built, &m->hints)
                                             : classic_msg_offer(&built, &m->offer);

    MUST(err == PROTO_OK);
    MUST(classic_msg_parse(&again, built.data, built.len) == PROTO_OK);
    MUST(again.kind == m->kind);
    if (m->kind == CLASSIC_MSG_TRANSIT)
        same_hints(&m->hints, &again.hints);
    else
        same_offer(&m->offer, &again.offer);
    classic_msg_release(&again);
    bytes_release(&built);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct classic_msg m;

    if (classic_msg_parse(&m, data, len) == PROTO_OK) {
        if (m.kind == CLASSIC_MSG_TRANSIT || m.kind == CLASSIC_MSG_BULK)
            say_again(&m);
        if (m.kind == CLASSIC_MSG_ERROR)
            MUST(m.text.len <= CLASSIC_REASON_LEN_MAX);
        MUST(m.text.len <= len);
    }
    classic_msg_release(&m);
    return 0;
}
