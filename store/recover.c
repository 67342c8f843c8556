/* What a start does about the end of the last one: bytes that a crash of the machine may have
 * taken, nodes and files that nothing refers to, and the little that is kept in memory. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include "store/core.h"
#include "store/node_row.h"

static struct sql get_boot = {"SELECT value FROM meta WHERE key='boot_id'", 0};
static struct sql put_boot = {"INSERT OR REPLACE INTO meta VALUES ('boot_id', ?)", 0};
static struct sql in_spool = {"SELECT ino, spool, size, durable_size, entry IN (SELECT top_ino "
                              "FROM arrival) FROM node WHERE spool!=0",
                              0};
static struct sql set_lost = {"UPDATE node SET size=?, durable_size=?, flags=flags|? WHERE ino=?",
                              0};
static struct sql ino_high = {"SELECT value FROM meta WHERE key='ino_high'", 0};
static struct sql frozen = {"SELECT ino FROM entry WHERE state!=1", 0};

static struct sql unclaimed = {
    "SELECT ino FROM node WHERE flags & 1 != 0 AND ino NOT IN (SELECT top_ino FROM arrival UNION "
    "SELECT manifest FROM arrival UNION SELECT manifest FROM revision) LIMIT 1",
    0};

static bool same_boot(struct view *v, const char *now)
{
    struct sql_query q;
    char then[IO_BOOT_ID_MAX];
    if (sql_row(v, &get_boot, &q, ""))
        return false;
    sql_text(&q, 0, then, sizeof then);
    sql_done(&q);
    return strcmp(then, now) == 0;
}

struct crashed {
    uint64_t ino, spool, size, durable;
    bool arriving; /* its sender has every byte that was not promised: none is lost */
};

/* Cuts one file to what was promised of it. A file that is shorter than that has lost what should
 * have been safe: it is bad. */
static int cut_file(struct turn *t, const struct crashed *c)
{
    struct store *s = t->store;
    char path[IO_PATH_MAX];
    struct io_file f;
    struct stat st = {0};
    uint64_t keep = c->durable < c->size ? c->durable : c->size;
    bool cut = keep < c->size;
    unsigned flags = c->arriving ? 0 : NODE_FLAG_LOST;
    spool_path(path, c->spool);
    int rc = io_open(s->io, s->dir, path, O_RDWR, &f);
    if (rc == 0)
        rc = io_fstat(s->io, &f, &st);
    if (rc == 0 && (uint64_t)st.st_size > keep)
        rc = io_truncate(s->io, &f, keep);
    io_close(&f);
    if (rc && rc != -ENOENT)
        return io_error(rc);
    if (rc == -ENOENT || (uint64_t)st.st_size < keep) {
        keep = rc ? 0 : (uint64_t)st.st_size;
        cut = true;
        if (c->durable > keep || (rc && c->arriving))
            flags |= NODE_FLAG_BAD;
    }
    if (!cut)
        return 0;
    return sql_exec(turn_view(t), &set_lost, "uuiu", keep, keep, (int64_t)flags, c->ino);
}

/* The rows that it changes are not those that it still reads: the scan is by spool number. */
static int cut_files(struct turn *t)
{
    struct sql_query q;
    int rc = sql_open(turn_view(t), &in_spool, &q, "");
    if (rc)
        return rc;
    while ((rc = sql_next(&q)) == 1) {
        struct crashed c = {sql_u64(&q, 0), sql_u64(&q, 1), sql_u64(&q, 2), sql_u64(&q, 3),
                            sql_int(&q, 4) != 0};
        rc = cut_file(t, &c);
        if (rc)
            break;
    }
    sql_done(&q);
    return rc;
}

static int after_boot(struct turn *t)
{
    char now[IO_BOOT_ID_MAX] = "";
    int rc = io_boot_id(t->store->io, now);
    if (rc)
        now[0] = '\0'; /* unknown: taken for a new boot each time, which is the safe side */
    if (now[0] && same_boot(turn_view(t), now))
        return 0;
    rc = cut_files(t);
    if (rc == 0)
        rc = sql_exec(turn_view(t), &put_boot, "t", now);
    turn_promise(t);
    return rc;
}

static int load_ino(struct store *s, struct view *v)
{
    struct sql_query q;
    int rc = sql_row(v, &ino_high, &q, "");
    if (rc)
        return rc == STORE_ERR_NOT_FOUND ? STORE_ERR_CORRUPT : rc;
    s->ino_next = s->ino_high = sql_u64(&q, 0);
    sql_done(&q);
    return s->ino_next < INO_FIRST ? STORE_ERR_CORRUPT : 0;
}

static int load_frozen(struct store *s, struct view *v)
{
    struct sql_query q;
    int rc = sql_open(v, &frozen, &q, "");
    if (rc)
        return rc;
    while ((rc = sql_next(&q)) == 1) {
        rc = freeze_add(&s->freeze, sql_u64(&q, 0));
        if (rc)
            break;
    }
    sql_done(&q);
    return rc;
}

/* Staged trees whose arrival or revision was never recorded, or is gone. Some at a time: those that
 * are found are staged no more. */
static int sweep_staged(struct store *s)
{
    struct turn *t;
    struct sql_query q;
    unsigned budget = SWEEP_NODES_MAX;
    int rc = turn_begin_relief(s, &t);
    if (rc)
        return rc;
    while (budget > 0 && (rc = sql_row(turn_view(t), &unclaimed, &q, "")) == 0) {
        uint64_t ino = sql_u64(&q, 0);
        sql_done(&q);
        rc = node_raze(t, ino, &budget);
        if (rc)
            break;
    }
    if (rc && rc != STORE_ERR_NOT_FOUND) {
        turn_abort(t);
        return rc;
    }
    rc = turn_checkpoint(t);
    return rc ? rc : budget == 0;
}

int recover_run(struct store *s)
{
    struct turn *t;
    int rc = turn_begin_relief(s, &t);
    if (rc)
        return rc;
    rc = after_boot(t);
    if (rc == 0)
        rc = load_ino(s, turn_view(t));
    if (rc == 0)
        rc = load_frozen(s, turn_view(t));
    if (rc) {
        turn_abort(t);
        return rc;
    }
    rc = turn_commit(t);
    while (rc == 0 && (rc = sweep_staged(s)) == 1)
        rc = 0;
    while (rc == 0 && (rc = node_sweep(s)) == 1)
        rc = 0;
    if (rc == 0)
        rc = store_sync(s);
    return rc == 0 ? spool_sweep(&s->spool) : rc;
}
