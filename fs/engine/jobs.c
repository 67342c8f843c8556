#include "fs/engine/jobs.h"

#include <stdlib.h>
#include <string.h>
#include "fs/engine/outbox.h"
#include "fs/engine/parcel.h"
#include "fs/engine/stock.h"

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

/* Lists the manifest into a staged file, then offers the revision with it. */
static int prepare(struct engine *e, const struct job *job)
{
    uint64_t manifest, size;
    int err = parcel_list(e->store, job->rev, &manifest, &size);
    if (err < 0)
        return err; /* NOT_FOUND: withdrawn meanwhile */
    struct turn *t;
    err = turn_begin_relief(e->store, &t);
    if (err < 0)
        return err;
    struct step step;
    err = step_begin(&step, e, t, job->wormhole);
    if (err == 0) {
        err = outbox_prepared(&step, job->rev, manifest, size);
        int end = step_end(&step, 0);
        err = err < 0 ? err : end;
    }
    if (err < 0) {
        turn_abort(t);
        return err;
    }
    return turn_commit(t);
}

bool engine_work(struct engine *e)
{
    struct job *job = take(e);
    if (job == NULL)
        return false;
    switch (job->kind) {
    case JOB_PREPARE:
        prepare(e, job);
        break;
    case JOB_STOCK_PACK:
        stock_pack(e, job->wormhole);
        break;
    }
    free(job);
    return true;
}
