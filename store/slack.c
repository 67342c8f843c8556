#include "store/slack.h"

#include <stdio.h>
#include "store/core.h"

static struct sql auto_vacuum = {"PRAGMA auto_vacuum", 0};
static struct sql page_count = {"PRAGMA page_count", 0};
static struct sql free_count = {"PRAGMA freelist_count", 0};

enum { INCREMENTAL = 2 };

static int ask(struct view *v, struct sql *question, uint64_t *answer)
{
    struct sql_query q;
    int rc = sql_row(v, question, &q, "");
    if (rc)
        return rc;
    *answer = sql_u64(&q, 0);
    sql_done(&q);
    return 0;
}

/* How many pages are too many. */
static int measure(struct view *v, uint64_t *pages)
{
    uint64_t mode, all, free;
    int rc = ask(v, &auto_vacuum, &mode);
    if (rc == 0)
        rc = ask(v, &page_count, &all);
    if (rc == 0)
        rc = ask(v, &free_count, &free);
    if (rc)
        return rc;
    uint64_t kept = all / 8 > SLACK_PAGES_KEPT ? all / 8 : SLACK_PAGES_KEPT;
    *pages = mode == INCREMENTAL && free > kept ? free - kept : 0;
    return 0;
}

static int cut_off(struct view *v, uint64_t pages)
{
    char text[64];
    snprintf(text, sizeof text, "PRAGMA incremental_vacuum(%u)", (unsigned)pages);
    return sql_error(v, sqlite3_exec(v->db, text, NULL, NULL, NULL));
}

int slack_give_back(struct store *s)
{
    struct turn *t;
    uint64_t pages = 0;
    int rc = turn_begin_relief(s, &t);
    if (rc)
        return rc;
    rc = measure(turn_view(t), &pages);
    bool more = pages > SLACK_PAGES_A_TURN;
    if (rc == 0 && pages > 0)
        rc = cut_off(turn_view(t), more ? SLACK_PAGES_A_TURN : pages);
    if (rc || pages == 0) {
        turn_abort(t);
        return rc;
    }
    rc = turn_checkpoint(t);
    return rc ? rc : more;
}
