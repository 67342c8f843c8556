#include "store/freeze.h"

#include <stdlib.h>
#include "store/core.h"
#include "store/entries.h"

int freeze_init(struct freeze *z)
{
    *z = (struct freeze){0};
    if (pthread_mutex_init(&z->lock, NULL))
        return STORE_ERR_NOMEM;
    return inomap_init(&z->frozen);
}

void freeze_release(struct freeze *z)
{
    inomap_release(&z->frozen);
    pthread_mutex_destroy(&z->lock);
}

bool freeze_enter(struct freeze *z, struct freeze_pass *pass, uint64_t entry)
{
    pthread_mutex_lock(&z->lock);
    bool open = !inomap_find(&z->frozen, entry);
    if (open) {
        *pass = (struct freeze_pass){.entry = entry, .next = z->passes, .link = &z->passes};
        if (z->passes)
            z->passes->link = &pass->next;
        z->passes = pass;
    }
    pthread_mutex_unlock(&z->lock);
    return open;
}

void freeze_leave(struct freeze *z, struct freeze_pass *pass)
{
    pthread_mutex_lock(&z->lock);
    *pass->link = pass->next;
    if (pass->next)
        pass->next->link = pass->link;
    pthread_mutex_unlock(&z->lock);
}

static int add(struct freeze *z, uint64_t entry, uint64_t *stamp)
{
    int rc = 0;
    pthread_mutex_lock(&z->lock);
    for (struct freeze_pass *p = z->passes; p && rc == 0; p = p->next)
        if (p->entry == entry)
            rc = STORE_ERR_BUSY;
    struct inomap_cell *c = rc == 0 ? inomap_put(&z->frozen, entry) : NULL;
    if (rc == 0 && !c)
        rc = STORE_ERR_NOMEM;
    if (c)
        *stamp = c->value = ++z->stamp;
    pthread_mutex_unlock(&z->lock);
    return rc;
}

int freeze_add(struct freeze *z, uint64_t entry)
{
    uint64_t stamp;
    return add(z, entry, &stamp);
}

bool freeze_has(struct freeze *z, uint64_t entry)
{
    pthread_mutex_lock(&z->lock);
    bool has = inomap_find(&z->frozen, entry) != NULL;
    pthread_mutex_unlock(&z->lock);
    return has;
}

static void thaw(struct freeze *z, uint64_t entry, uint64_t stamp)
{
    pthread_mutex_lock(&z->lock);
    struct inomap_cell *c = inomap_find(&z->frozen, entry);
    if (c && c->value == stamp)
        inomap_remove(&z->frozen, c);
    pthread_mutex_unlock(&z->lock);
}

/* What has to be thawed when a turn ends in one way or the other. */
struct ending {
    struct freeze *freeze;
    uint64_t entry, stamp;
    bool when_committed;
};

static void at_end(void *arg, bool committed)
{
    struct ending *e = arg;
    if (committed == e->when_committed)
        thaw(e->freeze, e->entry, e->stamp);
    free(e);
}

static int thaw_at_end(struct turn *t, uint64_t entry, uint64_t stamp, bool when_committed)
{
    struct ending *e = malloc(sizeof *e);
    if (!e)
        return STORE_ERR_NOMEM;
    *e = (struct ending){&t->store->freeze, entry, stamp, when_committed};
    int rc = turn_after(t, at_end, e);
    if (rc)
        free(e);
    return rc;
}

static int follow_seal(struct turn *t, uint64_t entry)
{
    struct freeze *z = &t->store->freeze;
    uint64_t stamp;
    int rc = add(z, entry, &stamp);
    if (rc)
        return rc;
    rc = thaw_at_end(t, entry, stamp, false);
    if (rc)
        thaw(z, entry, stamp);
    return rc;
}

static int follow_thaw(struct turn *t, uint64_t entry)
{
    struct freeze *z = &t->store->freeze;
    pthread_mutex_lock(&z->lock);
    struct inomap_cell *c = inomap_find(&z->frozen, entry);
    uint64_t stamp = c ? c->value : 0;
    pthread_mutex_unlock(&z->lock);
    return c ? thaw_at_end(t, entry, stamp, true) : 0;
}

int freeze_follow(struct turn *t, const struct log_event *event)
{
    if (event->type == LOG_ENTRY_SEALED)
        return follow_seal(t, event->ino);
    if (event->type == LOG_ENTRY_WITHDRAWN || event->type == LOG_ENTRY_REOPENED ||
        event->type == LOG_ENTRY_REMOVED)
        return follow_thaw(t, event->ino);
    return 0;
}

static int take_back(struct turn *t, uint64_t entry, enum entry_state state)
{
    struct store *s = t->store;
    if (s->unseal)
        return s->unseal(s->unseal_arg, t, entry);
    return state == ENTRY_SEALED ? entry_withdraw(t, entry, NULL) : entry_reopen(t, entry);
}

enum change { ALTERS, REMOVES_PART, REMOVES_ALL };

static int break_seal(struct turn *t, uint64_t entry, enum change change)
{
    if (!freeze_has(&t->store->freeze, entry))
        return 0;
    struct entry e;
    int rc = entry_get(turn_view(t), entry, &e);
    if (rc)
        return rc == STORE_ERR_NOT_FOUND ? 0 : rc;
    if (e.state == ENTRY_OPEN || (change == REMOVES_ALL && e.state == ENTRY_SENT))
        return 0;
    rc = take_back(t, entry, e.state);
    if (rc == STORE_ERR_READ_ONLY && change == REMOVES_PART && e.state == ENTRY_SENT)
        return 0;
    if (rc)
        return rc;
    /* A hook that says yes and does nothing would let sealed bytes change. */
    rc = entry_get(turn_view(t), entry, &e);
    return rc == 0 && e.state != ENTRY_OPEN ? STORE_ERR_PERM : rc;
}

int freeze_break(struct turn *t, uint64_t entry)
{
    return break_seal(t, entry, ALTERS);
}

int freeze_break_to_remove_part(struct turn *t, uint64_t entry)
{
    return break_seal(t, entry, REMOVES_PART);
}

int freeze_break_to_remove(struct turn *t, uint64_t entry)
{
    return break_seal(t, entry, REMOVES_ALL);
}
