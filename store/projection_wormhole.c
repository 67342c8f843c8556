/* The fold of what happens to wormholes. */
#include <string.h>
#include "store/fold.h"
#include "store/wormholes.h"

static struct sql insert = {
    "INSERT INTO wormhole (id, state, name, shown, hidden, draft, outbox_ino, inbox_ino, code_ino, "
    "state_ino, last_event, created_ms) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
    0};
static struct sql no_draft = {"UPDATE wormhole SET draft=0 WHERE draft!=0", 0};

static int created(const struct fold *f)
{
    const struct log_event *e = &f->row->event;
    struct name name = {0};
    char shown[NAME_SHOWN_MAX + 1];
    const char *hidden_as = json_string_value(json_object_get(f->detail, "shown"));
    bool draft = json_is_true(json_object_get(f->detail, "draft"));
    if (e->ino != e->wormhole)
        return STORE_ERR_INVALID;
    int rc = hidden_as ? 0 : log_get_name(f->detail, "name", &name);
    if (rc)
        return STORE_ERR_INVALID;
    name_show(shown, name.text, name.len);
    if (draft)
        rc = sql_exec(f->view, &no_draft, "");
    if (rc)
        return rc;
    return sql_exec(f->view, &insert, "udbtddiiiiui", e->wormhole, (int)WORMHOLE_NEW,
                    hidden_as ? NULL : name.text, (size_t)name.len, hidden_as ? hidden_as : shown,
                    hidden_as != NULL, (int)draft, fold_int(f, "outbox"), fold_int(f, "inbox"),
                    fold_int(f, "code"), fold_int(f, "state"), f->row->id, f->row->time_ms);
}

static struct sql rename_to = {
    "UPDATE wormhole SET name=?, shown=?, hidden=0, draft=0 WHERE id=? AND state!=?", 0};

static int renamed(const struct fold *f)
{
    struct name name;
    char shown[NAME_SHOWN_MAX + 1];
    if (log_get_name(f->detail, "name", &name))
        return STORE_ERR_INVALID;
    name_show(shown, name.text, name.len);
    return fold_one(f, sql_exec(f->view, &rename_to, "btud", name.text, (size_t)name.len, shown,
                                f->row->event.wormhole, (int)WORMHOLE_CLOSING));
}

static struct sql renew_outbox = {"UPDATE wormhole SET outbox_ino=? WHERE id=? AND outbox_ino=?",
                                  0};
static struct sql renew_inbox = {"UPDATE wormhole SET inbox_ino=? WHERE id=? AND inbox_ino=?", 0};
static struct sql renew_code = {"UPDATE wormhole SET code_ino=? WHERE id=? AND code_ino=?", 0};
static struct sql renew_state = {"UPDATE wormhole SET state_ino=? WHERE id=? AND state_ino=?", 0};

static int box_renewed(const struct fold *f)
{
    static const struct {
        const char *box;
        struct sql *sql;
    } boxes[] = {{"outbox", &renew_outbox},
                 {"inbox", &renew_inbox},
                 {"code", &renew_code},
                 {"state", &renew_state}};
    const struct log_event *e = &f->row->event;
    for (size_t i = 0; i < sizeof boxes / sizeof boxes[0]; i++)
        if (strcmp(boxes[i].box, fold_text(f, "box")) == 0)
            return fold_one(
                f, sql_exec(f->view, boxes[i].sql, "uui", e->ino, e->wormhole, fold_int(f, "old")));
    return STORE_ERR_INVALID;
}

/* ---- the code ---- */

/* A code that is wanted again takes a closed or failed wormhole back to the start; after too many
 * burnt ones that was asked for by a read, and they count anew. */
static struct sql set_code = {
    "UPDATE wormhole SET burnt=CASE code WHEN 4 THEN 0 ELSE burnt END, code=?1, nameplate='', "
    "code_read_ms=0, state=CASE WHEN state IN (4, 7) THEN state ELSE 1 END WHERE id=?2",
    0};
static struct sql set_allocated = {
    "UPDATE wormhole SET code=2, nameplate=?, code_read_ms=0, state=CASE WHEN state IN (4, 7) "
    "THEN state ELSE 2 END WHERE id=?",
    0};
static struct sql set_read = {
    "UPDATE wormhole SET code_read_ms=?, was_told=1 WHERE id=? AND code_read_ms=0", 0};
static struct sql set_used = {"UPDATE wormhole SET code=3 WHERE id=?", 0};
static struct sql set_burnt = {"UPDATE wormhole SET burnt=? WHERE id=?", 0};
_Static_assert(WORMHOLE_NEW == 1 && WORMHOLE_WAITING == 2 && WORMHOLE_PAIRED == 4 &&
                   WORMHOLE_CLOSING == 7 && WORMHOLE_CODE_READY == 2 && WORMHOLE_CODE_USED == 3 &&
                   WORMHOLE_CODE_WAITS == 4,
               "these numbers are in the statements");

static int want_code(const struct fold *f, enum wormhole_code code)
{
    return fold_one(f, sql_exec(f->view, &set_code, "du", (int)code, f->row->event.wormhole));
}

static int code_wanted(const struct fold *f)
{
    return want_code(f, WORMHOLE_CODE_WANTED);
}

static int code_allocated(const struct fold *f)
{
    return fold_one(f, sql_exec(f->view, &set_allocated, "tu", fold_text(f, "nameplate"),
                                f->row->event.wormhole));
}

static int code_read(const struct fold *f)
{
    return sql_exec(f->view, &set_read, "iu", f->row->time_ms, f->row->event.wormhole);
}

static int code_used(const struct fold *f)
{
    return fold_one(f, sql_exec(f->view, &set_used, "u", f->row->event.wormhole));
}

static int code_burnt(const struct fold *f)
{
    bool waits = json_is_true(json_object_get(f->detail, "waits"));
    int rc = want_code(f, waits ? WORMHOLE_CODE_WAITS : WORMHOLE_CODE_WANTED);
    if (rc)
        return rc;
    return sql_exec(f->view, &set_burnt, "iu", fold_int(f, "count"), f->row->event.wormhole);
}

/* ---- the peer and the end ---- */

static struct sql set_joining = {
    "UPDATE wormhole SET state=3, code=2, nameplate=?, was_told=1 WHERE id=? "
    "AND state NOT IN (4, 7)",
    0};
static struct sql set_paired = {"UPDATE wormhole SET state=4, code=3, burnt=0, was_told=1, "
                                "peer=?, peer_version=?, paired_ms=? WHERE id=? AND state!=7",
                                0};
static struct sql set_closing = {"UPDATE wormhole SET state=7, name=NULL, hidden=0, draft=0, "
                                 "closed_ms=? WHERE id=? AND state!=7",
                                 0};
static struct sql set_closed = {"UPDATE wormhole SET state=CASE state WHEN 7 THEN 7 ELSE ?1 END, "
                                "closed_ms=?2 WHERE id=?3",
                                0};
static struct sql set_problem = {"UPDATE wormhole SET problem=? WHERE id=?", 0};
static struct sql forget = {"DELETE FROM wormhole WHERE id=? AND state=7", 0};
static struct sql forget_sent = {"DELETE FROM sent WHERE wormhole=?", 0};

static int joining(const struct fold *f)
{
    return fold_one(f, sql_exec(f->view, &set_joining, "tu", fold_text(f, "nameplate"),
                                f->row->event.wormhole));
}

static int paired(const struct fold *f)
{
    bool ours = strcmp(fold_text(f, "peer"), "wormholefs") == 0;
    return fold_one(f, sql_exec(f->view, &set_paired, "dtiu",
                                (int)(ours ? WORMHOLE_PEER_WORMHOLEFS : WORMHOLE_PEER_STOCK),
                                fold_text(f, "version"), f->row->time_ms, f->row->event.wormhole));
}

static int closing(const struct fold *f)
{
    return fold_one(f,
                    sql_exec(f->view, &set_closing, "iu", f->row->time_ms, f->row->event.wormhole));
}

static int end(const struct fold *f, enum wormhole_state state)
{
    return fold_one(f, sql_exec(f->view, &set_closed, "diu", (int)state, f->row->time_ms,
                                f->row->event.wormhole));
}

static int closed(const struct fold *f)
{
    return end(f, WORMHOLE_CLOSED);
}

static int failed(const struct fold *f)
{
    return end(f, WORMHOLE_FAILED);
}

static int forgotten(const struct fold *f)
{
    int rc = fold_one(f, sql_exec(f->view, &forget, "u", f->row->event.wormhole));
    return rc ? rc : sql_exec(f->view, &forget_sent, "u", f->row->event.wormhole);
}

static int problem(const struct fold *f)
{
    return fold_one(
        f, sql_exec(f->view, &set_problem, "tu", fold_text(f, "text"), f->row->event.wormhole));
}

fold_fn *fold_wormhole(enum log_type type)
{
    static fold_fn *const folds[LOG_TYPE_COUNT] = {
        [LOG_WORMHOLE_CREATED] = created,
        [LOG_WORMHOLE_RENAMED] = renamed,
        [LOG_BOX_RENEWED] = box_renewed,
        [LOG_CODE_WANTED] = code_wanted,
        [LOG_CODE_ALLOCATED] = code_allocated,
        [LOG_CODE_READ] = code_read,
        [LOG_CODE_USED] = code_used,
        [LOG_CODE_BURNT] = code_burnt,
        [LOG_CODE_EXPIRED] = code_wanted,
        [LOG_JOINING] = joining,
        [LOG_PAIRED] = paired,
        [LOG_CLOSING] = closing,
        [LOG_CLOSED] = closed,
        [LOG_FAILED] = failed,
        [LOG_FORGOTTEN] = forgotten,
        [LOG_PROBLEM] = problem,
        [LOG_PROBLEM_CLEARED] = problem,
    };
    return folds[type];
}
