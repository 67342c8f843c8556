#include "tests/sim/mailbox_rows.h"
#include "tests/sim/must.h"

#include <stdlib.h>
#include <string.h>

static char *copy(const char *text)
{
    return must(strdup(text));
}

static void free_sides(struct row_side **sides)
{
    while (*sides != NULL) {
        struct row_side *s = *sides;
        *sides = s->next;
        free(s->side);
        free(s);
    }
}

static void free_first_message(struct row_message **at)
{
    struct row_message *m = *at;

    *at = m->next;
    free(m->appid);
    free(m->mailbox);
    free(m->side);
    free(m->phase);
    free(m->body);
    free(m->id);
    free(m);
}

static void free_first_mailbox(struct row_mailbox **at)
{
    struct row_mailbox *m = *at;

    *at = m->next;
    free_sides(&m->sides);
    free(m->appid);
    free(m->id);
    free(m);
}

static void free_first_nameplate(struct row_nameplate **at)
{
    struct row_nameplate *n = *at;

    *at = n->next;
    free_sides(&n->sides);
    free(n->appid);
    free(n->name);
    free(n->mailbox);
    free(n);
}

void mailbox_rows_release(struct mailbox_rows *rows)
{
    while (rows->mailboxes != NULL)
        free_first_mailbox(&rows->mailboxes);
    while (rows->nameplates != NULL)
        free_first_nameplate(&rows->nameplates);
    while (rows->messages != NULL)
        free_first_message(&rows->messages);
}

static bool matches(const char *appid, const char *name, const char *want_appid, const char *want)
{
    return strcmp(appid, want_appid) == 0 && strcmp(name, want) == 0;
}

struct row_mailbox *mailbox_rows_mailbox(struct mailbox_rows *rows, const char *appid,
                                         const char *id)
{
    struct row_mailbox *m = rows->mailboxes;

    while (m != NULL && !matches(m->appid, m->id, appid, id))
        m = m->next;
    return m;
}

struct row_nameplate *mailbox_rows_nameplate(struct mailbox_rows *rows, const char *appid,
                                             const char *name)
{
    struct row_nameplate *n = rows->nameplates;

    while (n != NULL && !matches(n->appid, n->name, appid, name))
        n = n->next;
    return n;
}

static struct row_side *find_side(struct row_side *s, const char *side)
{
    while (s != NULL && strcmp(s->side, side) != 0)
        s = s->next;
    return s;
}

static void add_side(struct row_side **sides, const char *side)
{
    struct row_side *s = must(calloc(1, sizeof(*s)));

    s->side = copy(side);
    s->active = true;
    s->next = *sides;
    *sides = s;
}

static size_t count_sides(const struct row_side *s)
{
    size_t n = 0;

    for (; s != NULL; s = s->next)
        n++;
    return n;
}

static bool any_active(const struct row_side *s)
{
    while (s != NULL && !s->active)
        s = s->next;
    return s != NULL;
}

struct row_mailbox *mailbox_rows_open(struct mailbox_rows *rows, const char *appid, const char *id,
                                      const char *side, int64_t now_ms, bool *crowded)
{
    struct row_mailbox *m = mailbox_rows_mailbox(rows, appid, id);
    if (m == NULL) {
        m = must(calloc(1, sizeof(*m)));
        m->appid = copy(appid);
        m->id = copy(id);
        m->next = rows->mailboxes;
        rows->mailboxes = m;
    }
    if (find_side(m->sides, side) == NULL)
        add_side(&m->sides, side);
    m->updated_ms = now_ms;
    *crowded = count_sides(m->sides) > 2;
    return m;
}

struct row_nameplate *mailbox_rows_claim(struct mailbox_rows *rows, const char *appid,
                                         const char *name, const char *side, const char *fresh)
{
    struct row_nameplate *n = mailbox_rows_nameplate(rows, appid, name);
    if (n == NULL) {
        n = must(calloc(1, sizeof(*n)));
        n->appid = copy(appid);
        n->name = copy(name);
        n->mailbox = copy(fresh);
        n->next = rows->nameplates;
        rows->nameplates = n;
    }
    struct row_side *s = find_side(n->sides, side);
    if (s == NULL)
        add_side(&n->sides, side);
    return s == NULL || s->active ? n : NULL;
}

void mailbox_rows_release_nameplate(struct mailbox_rows *rows, const char *appid, const char *name,
                                    const char *side)
{
    struct row_nameplate **at = &rows->nameplates;

    while (*at != NULL && !matches((*at)->appid, (*at)->name, appid, name))
        at = &(*at)->next;
    struct row_side *s = *at != NULL ? find_side((*at)->sides, side) : NULL;
    if (s == NULL)
        return;
    s->active = false;
    if (!any_active((*at)->sides))
        free_first_nameplate(at);
}

const struct row_message *mailbox_rows_add(struct mailbox_rows *rows, const char *appid,
                                           const char *mailbox, const char *side, const char *phase,
                                           const char *body, const char *id, int64_t now_ms)
{
    struct row_mailbox *row = mailbox_rows_mailbox(rows, appid, mailbox);
    struct row_message **at = &rows->messages;

    while (*at != NULL)
        at = &(*at)->next;
    struct row_message *m = must(calloc(1, sizeof(*m)));
    m->appid = copy(appid);
    m->mailbox = copy(mailbox);
    m->side = copy(side);
    m->phase = copy(phase);
    m->body = copy(body);
    m->id = id != NULL ? copy(id) : NULL;
    m->rx_ms = now_ms;
    *at = m;
    if (row != NULL)
        row->updated_ms = now_ms;
    return m;
}

const struct row_message *mailbox_rows_find(const struct row_message *m, const char *appid,
                                            const char *mailbox)
{
    while (m != NULL && !matches(m->appid, m->mailbox, appid, mailbox))
        m = m->next;
    return m;
}

static void delete_messages(struct mailbox_rows *rows, const struct row_mailbox *mailbox)
{
    struct row_message **at = &rows->messages;

    while (*at != NULL) {
        if (matches((*at)->appid, (*at)->mailbox, mailbox->appid, mailbox->id))
            free_first_message(at);
        else
            at = &(*at)->next;
    }
}

static bool is_named(const struct mailbox_rows *rows, const struct row_mailbox *m)
{
    const struct row_nameplate *n = rows->nameplates;

    while (n != NULL && !matches(n->appid, n->mailbox, m->appid, m->id))
        n = n->next;
    return n != NULL;
}

enum mailbox_rows_closed mailbox_rows_close(struct mailbox_rows *rows, const char *appid,
                                            const char *id, const char *side, bool strict)
{
    struct row_mailbox *m = mailbox_rows_mailbox(rows, appid, id);
    struct row_side *s = m != NULL ? find_side(m->sides, side) : NULL;
    if (s == NULL)
        return ROWS_STILL_OPEN;
    s->active = false;
    if (any_active(m->sides))
        return ROWS_STILL_OPEN;
    if (strict && is_named(rows, m)) {
        delete_messages(rows, m);
        free_sides(&m->sides);
        return ROWS_STILL_NAMED;
    }
    mailbox_rows_forget(rows, m);
    return ROWS_DELETED;
}

void mailbox_rows_forget(struct mailbox_rows *rows, struct row_mailbox *mailbox)
{
    struct row_nameplate **n = &rows->nameplates;
    while (*n != NULL) {
        if (matches((*n)->appid, (*n)->mailbox, mailbox->appid, mailbox->id))
            free_first_nameplate(n);
        else
            n = &(*n)->next;
    }
    delete_messages(rows, mailbox);
    struct row_mailbox **at = &rows->mailboxes;
    while (*at != mailbox)
        at = &(*at)->next;
    free_first_mailbox(at);
}

void mailbox_rows_prune(struct mailbox_rows *rows, int64_t old_ms)
{
    struct row_mailbox *next;

    for (struct row_mailbox *m = rows->mailboxes; m != NULL; m = next) {
        next = m->next;
        if (m->updated_ms <= old_ms)
            mailbox_rows_forget(rows, m);
    }
}
