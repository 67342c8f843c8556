/* state          take hands out     then
 * WAIT_PAKE      pake               WAIT_VERSION
 * WAIT_VERSION   version            NUMBERED
 * NUMBERED       number `next`      NUMBERED, next + 1
 *
 * NUMBERED       (skip)             NUMBERED, next is the first that waits
 *
 * Invariant: the items are sorted by rank, all ranks differ, and none is below the rank of what is
 * handed out next. So it is enough to look at the first. */
#include "proto/order.h"

#include <stdlib.h>
#include <string.h>

#include "proto/error.h"
#include "proto/mailbox_phase.h"

enum rank {
    RANK_PAKE,
    RANK_VERSION,
    RANK_NUMBERS, /* and further: + the number */
};

void order_init(struct order *o, bool with_pake)
{
    *o = (struct order){.state = with_pake ? ORDER_WAIT_PAKE : ORDER_WAIT_VERSION};
}

void order_release(struct order *o)
{
    while (o->items != NULL) {
        struct order_item *item = o->items;
        o->items = item->next;
        order_item_free(item);
    }
    *o = (struct order){.state = o->state, .next = o->next};
}

/* The rank of what is handed out next. */
static uint64_t rank_due(const struct order *o)
{
    switch (o->state) {
    case ORDER_WAIT_PAKE:
        return RANK_PAKE;
    case ORDER_WAIT_VERSION:
        return RANK_VERSION;
    case ORDER_NUMBERED:
        break;
    }
    return RANK_NUMBERS + o->next;
}

static bool rank_of(const char *phase, uint64_t *rank)
{
    uint64_t number;

    if (strcmp(phase, "pake") == 0)
        *rank = RANK_PAKE;
    else if (strcmp(phase, "version") == 0)
        *rank = RANK_VERSION;
    else if (mailbox_phase_number(phase, &number))
        *rank = RANK_NUMBERS + number;
    else
        return false;
    return true;
}

/* Where an item of this rank is or belongs. */
static struct order_item **place(struct order_item **items, uint64_t rank)
{
    while (*items != NULL && (*items)->rank < rank)
        items = &(*items)->next;
    return items;
}

bool order_wants(const struct order *o, const char *phase)
{
    struct order_item *items = o->items;
    uint64_t rank;

    if (!rank_of(phase, &rank) || rank < rank_due(o) || rank - rank_due(o) >= ORDER_ITEMS_MAX)
        return false;
    struct order_item *at = *place(&items, rank);
    return at == NULL || at->rank != rank;
}

static struct order_item *item_new(const char *phase, const void *data, size_t len)
{
    struct order_item *item = calloc(1, sizeof(*item));
    if (item == NULL)
        return NULL;
    strcpy(item->phase, phase);
    bytes_put(&item->data, data, len);
    if (!bytes_ok(&item->data)) {
        order_item_free(item);
        return NULL;
    }
    return item;
}

int order_put(struct order *o, const char *phase, const void *data, size_t len)
{
    uint64_t rank;

    if (!order_wants(o, phase) || !rank_of(phase, &rank))
        return 0;
    if (len > ORDER_BYTES_MAX - o->bytes)
        return PROTO_ERR_FULL;
    struct order_item *item = item_new(phase, data, len);
    if (item == NULL)
        return PROTO_ERR_NOMEM;
    item->rank = rank;
    struct order_item **at = place(&o->items, rank);
    item->next = *at;
    *at = item;
    o->count++;
    o->bytes += len;
    return 1;
}

struct order_item *order_take(struct order *o)
{
    struct order_item *item = o->items;

    if (item == NULL || item->rank != rank_due(o))
        return NULL;
    o->items = item->next;
    item->next = NULL;
    o->count--;
    o->bytes -= item->data.len;
    switch (o->state) {
    case ORDER_WAIT_PAKE:
        o->state = ORDER_WAIT_VERSION;
        break;
    case ORDER_WAIT_VERSION:
        o->state = ORDER_NUMBERED;
        break;
    case ORDER_NUMBERED:
        o->next++;
        break;
    }
    return item;
}

const struct order_item *order_first(const struct order *o)
{
    return o->items;
}

void order_skip(struct order *o)
{
    if (o->state == ORDER_NUMBERED && o->items != NULL)
        o->next = o->items->rank - RANK_NUMBERS;
}

void order_item_free(struct order_item *item)
{
    if (item == NULL)
        return;
    bytes_release(&item->data);
    free(item);
}

int order_save(const struct order *o, struct bytes *out)
{
    bytes_put_u8(out, (uint8_t)o->state);
    bytes_put_u64(out, o->next);
    return bytes_ok(out) ? PROTO_OK : PROTO_ERR_NOMEM;
}

int order_load(struct order *o, struct reader *in)
{
    *o = (struct order){.state = ORDER_WAIT_PAKE};
    uint8_t state = reader_u8(in);
    uint64_t next = reader_u64(in);
    if (!reader_ok(in) || state > ORDER_NUMBERED || (next > 0 && state != ORDER_NUMBERED) ||
        next > UINT64_MAX - ORDER_ITEMS_MAX - RANK_NUMBERS)
        return PROTO_ERR_MALFORMED;
    *o = (struct order){.state = (enum order_state)state, .next = next};
    return PROTO_OK;
}
