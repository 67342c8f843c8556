#include "proto/outbound.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "proto/error.h"
#include "proto/limits.h"

void outbound_init(struct outbound *o, const uint8_t incarnation[static MESSAGE_INCARNATION_BYTES])
{
    *o = (struct outbound){0};
    outbound_incarnate(o, incarnation);
}

void outbound_incarnate(struct outbound *o,
                        const uint8_t incarnation[static MESSAGE_INCARNATION_BYTES])
{
    memcpy(o->incarnation, incarnation, sizeof(o->incarnation));
}

static void item_free(struct outbound_item *item)
{
    bytes_release(&item->content);
    free(item);
}

void outbound_release(struct outbound *o)
{
    while (o->items != NULL) {
        struct outbound_item *item = o->items;
        o->items = item->next;
        item_free(item);
    }
    *o = (struct outbound){0};
}

/* By number; NULL when out of memory. */
static struct outbound_item *insert(struct outbound *o, const struct message_id *id,
                                    const void *content, size_t len)
{
    struct outbound_item *item = calloc(1, sizeof(*item)), **at = &o->items;

    if (item == NULL)
        return NULL;
    item->id = *id;
    bytes_put(&item->content, content, len);
    if (!bytes_ok(&item->content)) {
        item_free(item);
        return NULL;
    }
    while (*at != NULL && (*at)->id.number < id->number)
        at = &(*at)->next;
    item->next = *at;
    *at = item;
    o->count++;
    return item;
}

int outbound_add(struct outbound *o, const void *content, size_t len, bool stored_here,
                 const struct outbound_item **item)
{
    struct message_id id = message_id_of(o->incarnation, o->next_number);

    if (len < 1 || len > MESSAGE_CONTENT_MAX)
        return PROTO_ERR_TOO_BIG;
    struct outbound_item *added = insert(o, &id, content, len);
    if (added == NULL)
        return PROTO_ERR_NOMEM;
    added->stored_here = stored_here;
    o->next_number++;
    *item = added;
    return PROTO_OK;
}

struct message_id outbound_prev(const struct outbound *o, const struct outbound_item *item)
{
    struct message_id prev = o->floor;

    for (const struct outbound_item *i = o->items; i != NULL && i != item; i = i->next)
        prev = i->id;
    return prev;
}

const struct outbound_item *outbound_find(const struct outbound *o, uint64_t number)
{
    const struct outbound_item *item = o->items;

    while (item != NULL && item->id.number != number)
        item = item->next;
    return item;
}

uint64_t outbound_first(const struct outbound *o)
{
    return o->items != NULL ? o->items->id.number : o->next_number;
}

bool outbound_has_kind(const struct outbound *o, uint8_t kind)
{
    const struct outbound_item *item = o->items;

    while (item != NULL && item->content.data[0] != kind)
        item = item->next;
    return item != NULL;
}

/* ---- acknowledgement ---- */

static void drop_until(struct outbound *o, const struct outbound_item *last)
{
    bool done = false;

    o->floor = last->id;
    while (!done) {
        struct outbound_item *item = o->items;
        done = item == last;
        o->items = item->next;
        item_free(item);
        o->count--;
    }
}

/* In the lost future whose end, as far as we know, is `lost`. */
static bool is_lost(const struct outbound *o, const struct message_id *have)
{
    return o->lost.some && have->number <= o->lost.number &&
           memcmp(have->incarnation, o->lost.incarnation, sizeof(have->incarnation)) == 0;
}

enum outbound_news outbound_ack(struct outbound *o, const struct message_id *have)
{
    if (!have->some || (o->floor.some && have->number <= o->floor.number))
        return OUTBOUND_NOTHING;
    const struct outbound_item *item = outbound_find(o, have->number);
    if (item != NULL && message_id_equal(&item->id, have)) {
        drop_until(o, item);
        return OUTBOUND_ACKED;
    }
    if (is_lost(o, have))
        return OUTBOUND_NOTHING;
    o->lost = *have;
    return OUTBOUND_UNKNOWN;
}

/* ---- saving ---- */

static size_t count_stored_here(const struct outbound *o)
{
    size_t count = 0;

    for (const struct outbound_item *i = o->items; i != NULL; i = i->next)
        count += i->stored_here;
    return count;
}

int outbound_save(const struct outbound *o, struct bytes *out)
{
    bytes_put(out, o->incarnation, sizeof(o->incarnation));
    bytes_put_u64(out, o->next_number);
    message_id_put(out, &o->floor);
    message_id_put(out, &o->lost);
    bytes_put_u16(out, (uint16_t)count_stored_here(o));
    for (const struct outbound_item *i = o->items; i != NULL; i = i->next) {
        if (!i->stored_here)
            continue;
        message_id_put(out, &i->id);
        bytes_put_blob(out, i->content.data, i->content.len);
    }
    return bytes_ok(out) ? PROTO_OK : PROTO_ERR_NOMEM;
}

/* Can an unacknowledged message with this number be given back? */
static bool is_missing(const struct outbound *o, uint64_t number)
{
    return number < o->next_number && (!o->floor.some || number > o->floor.number) &&
           outbound_find(o, number) == NULL;
}

static int load_item(struct outbound *o, struct reader *in)
{
    size_t len;
    struct message_id id = message_id_take(in);
    const uint8_t *content = reader_blob(in, MESSAGE_CONTENT_MAX, &len);

    if (!reader_ok(in) || !id.some || len < 1 || !is_missing(o, id.number))
        return PROTO_ERR_MALFORMED;
    struct outbound_item *item = insert(o, &id, content, len);
    if (item == NULL)
        return PROTO_ERR_NOMEM;
    item->stored_here = true;
    return PROTO_OK;
}

int outbound_load(struct outbound *o, struct reader *in)
{
    *o = (struct outbound){0};
    reader_copy(in, o->incarnation, sizeof(o->incarnation));
    o->next_number = reader_u64(in);
    o->floor = message_id_take(in);
    o->lost = message_id_take(in);
    unsigned count = reader_u16(in);
    int err = reader_ok(in) && count <= MAILBOX_NUMBERED_MAX ? PROTO_OK : PROTO_ERR_MALFORMED;
    for (unsigned i = 0; i < count && err == PROTO_OK; i++)
        err = load_item(o, in);
    if (err != PROTO_OK)
        outbound_release(o);
    return err;
}

int outbound_restore(struct outbound *o, uint64_t number,
                     const uint8_t incarnation[static MESSAGE_INCARNATION_BYTES],
                     const void *content, size_t len)
{
    struct message_id id = message_id_of(incarnation, number);

    if (!is_missing(o, number) || len < 1 || len > MESSAGE_CONTENT_MAX)
        return PROTO_ERR_INVALID;
    return insert(o, &id, content, len) != NULL ? PROTO_OK : PROTO_ERR_NOMEM;
}

bool outbound_complete(const struct outbound *o)
{
    uint64_t number = o->floor.some ? o->floor.number + 1 : 0;

    for (const struct outbound_item *i = o->items; i != NULL; i = i->next)
        if (i->id.number != number++)
            return false;
    return number == o->next_number;
}
