/* The connections to journal.sqlite: how they are opened, and the pool of readers. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include "store/core.h"
#include "store/migrate.h"

static int connect_db(struct store *s, const char *path, struct view *v)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    v->store = s;
    int rc = sqlite3_open_v2(path, &v->db, flags, s->vfs.name);
    if (rc != SQLITE_OK)
        return v->db ? sql_error(v, sqlite3_extended_errcode(v->db)) : STORE_ERR_NOMEM;
    sqlite3_extended_result_codes(v->db, 1);
    sqlite3_busy_timeout(v->db, CORE_BUSY_MS);
    return 0;
}

static void disconnect(struct view *v)
{
    sql_forget(v);
    sqlite3_close_v2(v->db);
    v->db = NULL;
}

static int run(struct view *v, const char *text)
{
    return sql_error(v, sqlite3_exec(v->db, text, NULL, NULL, NULL));
}

/* After a commit, as SQLite does by itself; but on a full disk the WAL has only the reserve. */
static int fold_when_long(void *arg, sqlite3 *db, const char *name, int pages)
{
    struct store *s = arg;
    int most = atomic_load(&s->tight) ? CORE_TIGHT_CHECKPOINT_PAGES : CORE_CHECKPOINT_PAGES;
    if (pages >= most)
        (void)sqlite3_wal_checkpoint_v2(db, name, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    return SQLITE_OK; /* what did not work now is tried again after the next */
}

static int set_up(struct view *v, unsigned cache_kib)
{
    char text[256];
    snprintf(text, sizeof text,
             "PRAGMA synchronous=NORMAL; PRAGMA temp_store=MEMORY; PRAGMA secure_delete=ON;"
             "PRAGMA cache_size=-%u; PRAGMA journal_size_limit=67108864",
             cache_kib);
    sqlite3_wal_hook(v->db, fold_when_long, v->store);
    return run(v, text);
}

/* The file is made here and not by SQLite, so that it is 0600 from its first moment; SQLite gives
 * the WAL the same mode. */
static int make_private(struct store *s)
{
    struct io_file f;
    int rc = io_open(s->io, s->dir, "journal.sqlite", O_RDWR | O_CREAT, &f);
    io_close(&f);
    return rc ? io_error(rc) : 0;
}

/* Not one that is no database at all: migrate_run refuses that. */
static bool is_empty(struct view *v)
{
    sqlite3_stmt *q = NULL;
    bool empty = sqlite3_prepare_v2(v->db, "PRAGMA page_count", -1, &q, NULL) == SQLITE_OK &&
                 sqlite3_step(q) == SQLITE_ROW && sqlite3_column_int64(q, 0) == 0;
    sqlite3_finalize(q);
    return empty;
}

/* What can be chosen only before there is anything in it. For auto_vacuum see slack.h. */
static int choose_form(struct view *v)
{
    char text[80];
    snprintf(text, sizeof text, "PRAGMA page_size=%u; PRAGMA auto_vacuum=INCREMENTAL",
             (unsigned)CORE_PAGE_BYTES);
    return run(v, text);
}

static int open_writer(struct store *s, const char *path)
{
    struct view *v = &s->write_view;
    int rc = make_private(s);
    if (rc == 0)
        rc = connect_db(s, path, v);
    if (rc == 0 && is_empty(v))
        rc = choose_form(v);
    if (rc)
        return rc;
    int count;
    const struct migrate_step *steps = migrate_steps(&count);
    rc = migrate_run(v->db, steps, count);
    if (rc == 0)
        rc = run(v, "PRAGMA journal_mode=WAL");
    if (rc == 0)
        rc = set_up(v, CORE_WRITER_CACHE_KIB);
    return rc;
}

/* A reader connects when it is first needed: most stores never need more than one or two. */
static int open_reader(struct store *s, struct view *v)
{
    char path[VFS_DIR_MAX + 32];
    snprintf(path, sizeof path, "%s/journal.sqlite", s->vfs.dir);
    int rc = connect_db(s, path, v);
    if (rc == 0)
        rc = set_up(v, CORE_READER_CACHE_KIB);
    if (rc == 0)
        rc = run(v, "PRAGMA query_only=ON");
    if (rc)
        disconnect(v);
    return rc;
}

static void offer_readers(struct store *s)
{
    for (int i = STORE_READERS_MAX - 1; i >= 0; i--) {
        struct view *v = &s->readers[i];
        v->store = s;
        v->next_free = s->free_readers;
        s->free_readers = v;
    }
}

/* SQLite makes the WAL at the first write. The group sync has a descriptor of its own on it. Its
 * name becomes durable with the others (store.c). */
static int open_wal(struct store *s)
{
    int rc = run(&s->write_view, "INSERT OR REPLACE INTO meta VALUES ('opened', '1')");
    if (rc)
        return rc;
    rc = io_open(s->io, s->dir, "journal.sqlite-wal", O_RDWR, &s->sync.wal);
    return rc ? io_error(rc) : vfs_sync_wal(s->write_view.db);
}

int journal_open(struct store *s, const char *dir, char why[static STORE_WHY_MAX])
{
    char path[VFS_DIR_MAX + 32];
    snprintf(path, sizeof path, "%s/journal.sqlite", dir);
    int rc = open_writer(s, path);
    if (rc == 0)
        rc = open_wal(s);
    if (rc == 0)
        offer_readers(s);
    if (rc == STORE_ERR_FOREIGN)
        snprintf(why, STORE_WHY_MAX, "%.400s is not a store of wormholefs", dir);
    else if (rc == STORE_ERR_NEWER)
        snprintf(why, STORE_WHY_MAX, "the store %.400s was written by a newer wormholefs", dir);
    else if (rc)
        snprintf(why, STORE_WHY_MAX, "cannot open the journal of the store %.350s: %s", dir,
                 s->write_view.db ? sqlite3_errmsg(s->write_view.db) : store_strerror(rc));
    return rc;
}

void journal_close(struct store *s)
{
    io_close(&s->sync.wal);
    for (int i = 0; i < STORE_READERS_MAX; i++)
        disconnect(&s->readers[i]);
    disconnect(&s->write_view);
}

/* A WAL whose sync failed is not on disk, and a second sync would lie about it (vfs.h). It must be
 * there before its pages come into the database, or these are, after a crash, of a time that no WAL
 * leads to: so it is written anew first. Then all of it is folded in, and a new WAL begins. */
int journal_repair(struct store *s)
{
    pthread_mutex_lock(&s->writer);
    sqlite3 *db = s->write_view.db;
    int rc = vfs_sync_wal(db);
    if (rc == 0)
        rc = sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    if (rc || vfs_doubts_wal(&s->vfs))
        rc = STORE_ERR_BROKEN;
    pthread_mutex_lock(&s->sync.lock);
    if (rc == 0)
        s->sync.synced = s->sync.committed;
    s->sync.broken = rc != 0;
    pthread_mutex_unlock(&s->sync.lock);
    pthread_mutex_unlock(&s->writer);
    return rc;
}

static struct sql begin_read = {"BEGIN", 0};
static struct sql end_read = {"COMMIT", 0};

int view_begin(struct store *s, struct view **out)
{
    pthread_mutex_lock(&s->readers_lock);
    while (!s->free_readers)
        pthread_cond_wait(&s->reader_free, &s->readers_lock);
    struct view *v = s->free_readers;
    s->free_readers = v->next_free;
    pthread_mutex_unlock(&s->readers_lock);
    int rc = v->db ? 0 : open_reader(s, v);
    sql_forgive(v);
    if (rc == 0)
        rc = sql_exec(v, &begin_read, "");
    *out = rc == 0 ? v : NULL;
    if (rc)
        view_end(v);
    return rc;
}

/* A reader at work reads the journal anew when it begins again, as it has changed. */
void journal_forget_pages(struct store *s)
{
    (void)sqlite3_db_release_memory(s->write_view.db);
    pthread_mutex_lock(&s->readers_lock);
    for (struct view *v = s->free_readers; v; v = v->next_free)
        if (v->db)
            (void)sqlite3_db_release_memory(v->db);
    pthread_mutex_unlock(&s->readers_lock);
}

void view_end(struct view *v)
{
    if (!v)
        return;
    struct store *s = v->store;
    sql_forgive(v);
    if (v->db && !sqlite3_get_autocommit(v->db))
        sql_exec(v, &end_read, "");
    pthread_mutex_lock(&s->readers_lock);
    v->next_free = s->free_readers;
    s->free_readers = v;
    pthread_cond_signal(&s->reader_free);
    pthread_mutex_unlock(&s->readers_lock);
}

struct store *view_store(const struct view *v)
{
    return v->store;
}
