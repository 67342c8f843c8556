#include "tests/sim/pair_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/error.h"

static void must(bool ok)
{
    if (!ok)
        abort();
}

void pair_store_init(struct pair_store *s)
{
    *s = (struct pair_store){0};
    s->last = &s->messages;
}

static void free_message(struct pair_message *m)
{
    bytes_release(&m->content);
    free(m);
}

static void forget_bodies(struct pair_store *s, uint64_t mailbox, const char *phase)
{
    for (struct pair_body **at = &s->bodies; *at != NULL;) {
        struct pair_body *b = *at;
        if (b->mailbox != mailbox || (phase[0] != '\0' && strcmp(phase, b->phase) != 0)) {
            at = &b->next;
            continue;
        }
        *at = b->next;
        bytes_release(&b->body);
        free(b);
    }
}

void pair_store_release(struct pair_store *s)
{
    while (s->bodies != NULL)
        forget_bodies(s, s->bodies->mailbox, "");
    while (s->messages != NULL) {
        struct pair_message *m = s->messages;
        s->messages = m->next;
        free_message(m);
    }
    bytes_release(&s->snapshot);
}

static void keep(struct pair_store *s, uint64_t mailbox, const char *phase,
                 const struct bytes *body)
{
    struct pair_body *b = calloc(1, sizeof(*b));

    must(b != NULL);
    b->mailbox = mailbox;
    strcpy(b->phase, phase);
    bytes_put(&b->body, body->data, body->len);
    must(bytes_ok(&b->body));
    b->next = s->bodies;
    s->bodies = b;
}

void pair_store_add_message(struct pair_store *s, uint64_t number, const uint8_t *incarnation,
                            const void *content, size_t len)
{
    struct pair_message *m = calloc(1, sizeof(*m));

    must(m != NULL);
    m->number = number;
    memcpy(m->incarnation, incarnation, sizeof(m->incarnation));
    bytes_put(&m->content, content, len);
    must(bytes_ok(&m->content));
    *s->last = m;
    s->last = &m->next;
}

void pair_store_copy(struct pair_store *to, const struct pair_store *from)
{
    *to = *from;
    to->snapshot = (struct bytes){0};
    to->bodies = NULL;
    to->messages = NULL;
    to->last = &to->messages;
    bytes_put(&to->snapshot, from->snapshot.data, from->snapshot.len);
    must(bytes_ok(&to->snapshot));
    for (const struct pair_body *b = from->bodies; b != NULL; b = b->next)
        keep(to, b->mailbox, b->phase, &b->body);
    for (const struct pair_message *m = from->messages; m != NULL; m = m->next)
        pair_store_add_message(to, m->number, m->incarnation, m->content.data, m->content.len);
}

static void acked(struct pair_store *s, uint64_t number)
{
    while (s->messages != NULL && s->messages->number <= number) {
        struct pair_message *m = s->messages;
        s->messages = m->next;
        free_message(m);
    }
    if (s->messages == NULL)
        s->last = &s->messages;
}

/* A content is its kind and a number. */
static void deliver(struct pair_store *s, const struct bytes *content)
{
    struct reader r = reader_of(content->data, content->len);

    reader_u8(&r);
    uint64_t number = reader_u64(&r);
    if (!reader_ok(&r) || number < s->received) {
        s->disorder++;
        return;
    }
    s->missed += (unsigned)(number - s->received);
    s->received = number + 1;
}

void pair_store_apply(struct pair_store *s, const struct action *a)
{
    switch ((int)a->kind) {
    case ACTION_KEEP:
        keep(s, a->mailbox, a->phase, &a->body);
        break;
    case ACTION_FORGET:
        forget_bodies(s, a->mailbox, a->phase);
        break;
    case ACTION_CODE:
        snprintf(s->code, sizeof(s->code), "%s", a->text);
        break;
    case ACTION_CODE_GONE:
        s->code_ends[a->number]++;
        s->code[0] = '\0';
        break;
    case ACTION_STATE:
        s->state = (enum boss_state)a->number;
        if (s->state == BOSS_NEW) /* for another peer: none of them is anybody's */
            acked(s, UINT64_MAX);
        break;
    case ACTION_PAIRED:
        s->paired = (unsigned)a->number;
        break;
    case ACTION_DELIVER:
        deliver(s, &a->body);
        break;
    case ACTION_ACKED:
        acked(s, a->number);
        break;
    case ACTION_EVENT:
        s->events[a->number]++;
        break;
    case ACTION_PROBLEM:
        snprintf(s->problem, sizeof(s->problem), "%s", a->text);
        s->problems++;
        break;
    case ACTION_PEER_CLOSED:
        s->peer_closed = true;
        break;
    case ACTION_CLOSE_DONE:
        s->close_done = true;
        break;
    case ACTION_CLASSIC_OFFERED:
        s->offered++;
        break;
    case ACTION_CLASSIC_TEXT:
        s->texts++;
        break;
    case ACTION_CLASSIC_ANSWERED:
        s->answered++;
        break;
    case ACTION_CLASSIC_FAILED:
        s->failed++;
        s->refused = a->number == 1;
        break;
    case ACTION_CLASSIC_DONE:
        s->done++;
        break;
    }
}

int pair_store_give(const struct pair_store *s, struct boss *b)
{
    int err = PROTO_OK;

    for (const struct pair_body *k = s->bodies; k != NULL && err == PROTO_OK; k = k->next)
        err = boss_restore_kept(b, k->mailbox, k->phase, k->body.data, k->body.len);
    for (const struct pair_message *m = s->messages; m != NULL && err == PROTO_OK; m = m->next)
        err = boss_restore_message(b, m->number, m->incarnation, m->content.data, m->content.len);
    return err;
}
