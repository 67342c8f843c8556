#include "proto/inbound.h"

#include <string.h>

#include "mutant.h"
#include "proto/error.h"

void inbound_init(struct inbound *in)
{
    *in = (struct inbound){0};
}

static const struct message_id *find(const struct inbound *in, const struct message_id *id)
{
    for (size_t i = 0; i < in->count; i++)
        if (memcmp(in->seen[i].incarnation, id->incarnation, sizeof(id->incarnation)) == 0)
            return &in->seen[i];
    return NULL;
}

static bool is_seen(const struct inbound *in, const struct message_id *id)
{
    const struct message_id *last = find(in, id);

    return last != NULL && id->number <= last->number;
}

enum inbound_verdict inbound_classify(const struct inbound *in, const struct message *m)
{
    if (is_seen(in, &m->id) && !MUTANT(FORGET_SEEN))
        return INBOUND_SEEN;
    return !m->prev.some || is_seen(in, &m->prev) ? INBOUND_NEW : INBOUND_GAP;
}

static void forget_at(struct inbound *in, size_t i)
{
    in->count--;
    memmove(&in->seen[i], &in->seen[i + 1], (in->count - i) * sizeof(in->seen[0]));
}

static void forget_old(struct inbound *in)
{
    for (size_t i = 0; in->count > INBOUND_SEEN_KEPT && i < in->count;)
        if (in->seen[i].number + INBOUND_SEEN_NUMBERS < in->have.number)
            forget_at(in, i);
        else
            i++;
}

/* Moves or puts it to the end of the list. */
static void mark_seen(struct inbound *in, const struct message_id *id)
{
    const struct message_id *old = find(in, id);

    if (old != NULL)
        forget_at(in, (size_t)(old - in->seen));
    else if (in->count == INBOUND_SEEN_MAX)
        forget_at(in, 0);
    in->seen[in->count++] = *id;
}

bool inbound_process(struct inbound *in, const struct message_id *id)
{
    bool back = in->have.some && id->number <= in->have.number;

    mark_seen(in, id);
    in->have = *id;
    forget_old(in);
    return back;
}

void inbound_handled(struct inbound *in, const struct message_id *id, uint64_t generation)
{
    if (generation < in->position_generation)
        return;
    in->position = *id;
    in->position_generation = generation;
}

bool inbound_floor(struct inbound *in, const struct message_id *floor)
{
    if (!floor->some || is_seen(in, floor))
        return false;
    bool lost = find(in, floor) != NULL || !in->have.some || floor->number > in->have.number;
    mark_seen(in, floor);
    if (lost)
        in->have = in->position = *floor;
    return lost;
}

int inbound_save(const struct inbound *in, struct bytes *out)
{
    message_id_put(out, &in->have);
    message_id_put(out, &in->position);
    bytes_put_u64(out, in->position_generation);
    bytes_put_u16(out, (uint16_t)in->count);
    for (size_t i = 0; i < in->count; i++)
        message_id_put(out, &in->seen[i]);
    return bytes_ok(out) ? PROTO_OK : PROTO_ERR_NOMEM;
}

int inbound_load(struct inbound *in, struct reader *r)
{
    bool good = true;

    *in = (struct inbound){0};
    in->have = message_id_take(r);
    in->position = message_id_take(r);
    in->position_generation = reader_u64(r);
    size_t count = reader_u16(r);
    for (; in->count < count && in->count < INBOUND_SEEN_MAX && reader_ok(r); in->count++) {
        in->seen[in->count] = message_id_take(r);
        good = good && in->seen[in->count].some;
    }
    if (reader_ok(r) && good && in->count == count)
        return PROTO_OK;
    *in = (struct inbound){0};
    return PROTO_ERR_MALFORMED;
}
