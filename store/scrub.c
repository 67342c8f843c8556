#include "store/scrub.h"

#include "store/core.h"

void scrub_owe(struct turn *t)
{
    atomic_store(&t->store->erased, true);
}

bool scrub_owed(struct store *s)
{
    return atomic_load(&s->erased);
}

/* Nobody else may write meanwhile, so it does not wait for readers: they are asked again later. */
static int fold_and_cut(struct view *v)
{
    sqlite3_busy_timeout(v->db, 0);
    int rc = sqlite3_wal_checkpoint_v2(v->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    sqlite3_busy_timeout(v->db, CORE_BUSY_MS);
    return sql_error(v, rc);
}

int scrub_run(struct store *s)
{
    int rc = 0;

    pthread_mutex_lock(&s->writer);
    if (atomic_exchange(&s->erased, false)) {
        rc = fold_and_cut(&s->write_view);
        if (rc)
            atomic_store(&s->erased, true);
        else
            journal_forget_pages(s);
    }
    pthread_mutex_unlock(&s->writer);
    return rc;
}
