#include "fs/engine/jobs.h"

#include <stdlib.h>
#include <string.h>
#include "fs/engine/outbox.h"
#include "fs/engine/parcel.h"
#include "fs/engine/stock.h"
#include "fs/engine/stock_text.h"

struct job {
    struct job *next;
    struct engine *e;
    enum job_kind kind;
    uint64_t wormhole;
    uint8_t rev[REV_BYTES];
};

static void enqueue(void *arg, bool committed)
{
    struct job *job = arg;
    struct engine *e = job->e;
    if (!committed) {
        free(job);
        return;
    }
    pthread_mutex_lock(&e->job_lock);
    if (e->jobs == NULL)
        e->jobs_last = &e->jobs;
    *e->jobs_last = job;
    e->jobs_last = &job->next;
    pthread_mutex_unlock(&e->job_lock);
    if (e->out.job != NULL)
        e->out.job(e->out.arg);
}

int jobs_add(struct step *step, enum job_kind kind, const uint8_t *rev)
{
    struct job *job = calloc(1, sizeof *job);
    if (job == NULL)
        return STORE_ERR_NOMEM;
    job->e = step->e;
    job->kind = kind;
    job->wormhole = step->slot->id;
    if (rev != NULL)
        memcpy(job->rev, rev, REV_BYTES);
    int err = turn_after(step->t, enqueue, job);
    if (err < 0)
        free(job);
    return err;
}

static struct job *take(struct engine *e)
{
    pthread_mutex_lock(&e->job_lock);
    struct job *job = e->jobs;
    if (job != NULL)
        e->jobs = job->next;
    pthread_mutex_unlock(&e->job_lock);
    return job;
}

void jobs_release(struct engine *e)
{
    struct job *job;
    while ((job = take(e)) != NULL)
        free(job);
}

bool jobs_end(void *engine)
{
    const struct engine *e = engine;
    return e->ending;
}

struct prepared {
    const uint8_t *rev;
    uint64_t manifest, size, items;
};

static int offer_prepared(struct step *step, void *arg)
{
    const struct prepared *p = arg;
    return outbox_prepared(step, p->rev, p->manifest, p->size, p->items);
}

struct unprepared {
    const uint8_t *rev;
    int err;
};

static int say_unprepared(struct step *step, void *arg)
{
    const struct unprepared *u = arg;
    if (u->err == STORE_ERR_TOO_BIG || setback_may_pass(u->err))
        return outbox_unprepared(step, u->rev, u->err == STORE_ERR_TOO_BIG);
    return outbox_unreadable(step, u->rev);
}

/* Lists the manifest into a staged file, then offers the revision with it. What cannot be offered
 * now is listed again by and by (outbox_retry). */
static void prepare(struct engine *e, const struct job *job)
{
    struct prepared p = {.rev = job->rev};
    int err = parcel_list(e->store, job->rev, jobs_end, e, &p.manifest, &p.size, &p.items);
    if (err == STORE_ERR_NOT_FOUND || err == STORE_ERR_BUSY)
        return; /* withdrawn meanwhile; or left to the next start */
    struct unprepared u = {job->rev, err};
    if (err == 0) {
        err = step_alone(e, job->wormhole, offer_prepared, &p);
        setback_note(e, job->wormhole, err);
        u.err = STORE_ERR_BUSY; /* nothing is wrong with the tree */
        if (step_is_undone(err))
            parcel_discard(e->store, p.manifest);
        else
            err = 0; /* the offer is there, if not on disk yet */
    }
    if (err < 0)
        setback_note(e, job->wormhole, step_alone(e, job->wormhole, say_unprepared, &u));
}

bool engine_work(struct engine *e)
{
    struct job *job = e->ending ? NULL : take(e);
    if (job == NULL)
        return false;
    switch (job->kind) {
    case JOB_PREPARE:
        prepare(e, job);
        break;
    case JOB_STOCK_PACK:
        stock_pack(e, job->wormhole);
        break;
    case JOB_STOCK_TEXT:
        stock_text_write(e, job->wormhole);
        break;
    }
    free(job);
    return true;
}
