#include "store/secrets.h"

#include <string.h>
#include "store/core.h"
#include "store/scrub.h"

static int put_into_blob(struct sql_query *q, struct blob *out)
{
    size_t len;
    const void *data = sql_blob(q, 0, &len);
    int rc = blob_set(out, data, len);
    sql_done(q);
    return rc;
}

/* ---- snapshots ---- */

static struct sql put = {"INSERT INTO secret (wormhole, snapshot) VALUES (?,?) "
                         "ON CONFLICT (wormhole) DO UPDATE SET snapshot=excluded.snapshot",
                         0};
static struct sql get = {"SELECT snapshot FROM secret WHERE wormhole=?", 0};
static struct sql erase = {"DELETE FROM secret WHERE wormhole=?", 0};

int secret_put(struct turn *t, uint64_t wormhole, const void *data, size_t len)
{
    if (len > SNAPSHOT_BYTES_MAX)
        return STORE_ERR_TOO_BIG;
    scrub_owe(t);
    return sql_exec(turn_view(t), &put, "ub", wormhole, len ? data : "", len);
}

int secret_get(struct view *v, uint64_t wormhole, struct blob *out)
{
    struct sql_query q;
    int rc = sql_row(v, &get, &q, "u", wormhole);
    return rc ? rc : put_into_blob(&q, out);
}

int secret_erase(struct turn *t, uint64_t wormhole)
{
    scrub_owe(t);
    return sql_exec(turn_view(t), &erase, "u", wormhole);
}

/* ---- ciphertexts ---- */

static struct sql put_text = {
    "INSERT INTO ciphertext (wormhole, mailbox, phase, body) VALUES (?,?,?,?)", 0};
static struct sql get_text = {
    "SELECT body FROM ciphertext WHERE wormhole=? AND mailbox=? AND phase=?", 0};
static struct sql each_text = {
    "SELECT phase, body FROM ciphertext WHERE wormhole=? AND mailbox=? ORDER BY seq", 0};
static struct sql all_texts = {
    "SELECT mailbox, phase, body FROM ciphertext WHERE wormhole=? ORDER BY seq", 0};
static struct sql erase_text = {"DELETE FROM ciphertext WHERE wormhole=? AND mailbox=? AND phase=?",
                                0};
static struct sql erase_mailbox = {"DELETE FROM ciphertext WHERE wormhole=? AND mailbox=?", 0};

/* The same body again is no change; another one would be a second ciphertext under one nonce or
 * phase. */
static int same_or_exists(struct sql_query *q, const void *body, size_t len)
{
    size_t have;
    const void *old = sql_blob(q, 0, &have);
    bool same = have == len && (len == 0 || memcmp(old, body, len) == 0);
    sql_done(q);
    return same ? 0 : STORE_ERR_EXISTS;
}

int ciphertext_put(struct turn *t, uint64_t wormhole, int64_t mailbox, const char *phase,
                   const void *body, size_t len)
{
    struct sql_query q;
    if (len > CIPHERTEXT_BYTES_MAX || strlen(phase) > PHASE_BYTES_MAX)
        return STORE_ERR_TOO_BIG;
    int rc = sql_row(turn_view(t), &get_text, &q, "uit", wormhole, mailbox, phase);
    if (rc == 0)
        return same_or_exists(&q, body, len);
    if (rc != STORE_ERR_NOT_FOUND)
        return rc;
    return sql_exec(turn_view(t), &put_text, "uitb", wormhole, mailbox, phase, len ? body : "",
                    len);
}

int ciphertext_get(struct view *v, uint64_t wormhole, int64_t mailbox, const char *phase,
                   struct blob *out)
{
    struct sql_query q;
    int rc = sql_row(v, &get_text, &q, "uit", wormhole, mailbox, phase);
    return rc ? rc : put_into_blob(&q, out);
}

int ciphertext_each(struct view *v, uint64_t wormhole, int64_t mailbox,
                    int (*fn)(void *arg, const char *phase, const uint8_t *body, size_t len),
                    void *arg)
{
    struct sql_query q;
    int rc = sql_open(v, &each_text, &q, "ui", wormhole, mailbox);
    if (rc)
        return rc;
    while ((rc = sql_next(&q)) == 1) {
        char phase[PHASE_BYTES_MAX + 1];
        size_t len;
        sql_text(&q, 0, phase, sizeof phase);
        const uint8_t *body = sql_blob(&q, 1, &len);
        rc = fn(arg, phase, body, len);
        if (rc)
            break;
    }
    sql_done(&q);
    return rc;
}

int ciphertext_all(struct view *v, uint64_t wormhole,
                   int (*fn)(void *arg, int64_t mailbox, const char *phase, const uint8_t *body,
                             size_t len),
                   void *arg)
{
    struct sql_query q;
    int rc = sql_open(v, &all_texts, &q, "u", wormhole);
    if (rc)
        return rc;
    while ((rc = sql_next(&q)) == 1) {
        char phase[PHASE_BYTES_MAX + 1];
        size_t len;
        sql_text(&q, 1, phase, sizeof phase);
        const uint8_t *body = sql_blob(&q, 2, &len);
        rc = fn(arg, sql_i64(&q, 0), phase, body, len);
        if (rc)
            break;
    }
    sql_done(&q);
    return rc;
}

int ciphertext_erase(struct turn *t, uint64_t wormhole, int64_t mailbox, const char *phase)
{
    scrub_owe(t);
    return sql_exec(turn_view(t), &erase_text, "uit", wormhole, mailbox, phase);
}

int ciphertext_erase_mailbox(struct turn *t, uint64_t wormhole, int64_t mailbox)
{
    scrub_owe(t);
    return sql_exec(turn_view(t), &erase_mailbox, "ui", wormhole, mailbox);
}

/* ---- codes ---- */

static struct sql put_code = {"INSERT INTO code (wormhole, text) VALUES (?,?) "
                              "ON CONFLICT (wormhole) DO UPDATE SET text=excluded.text",
                              0};
static struct sql get_code = {"SELECT text FROM code WHERE wormhole=?", 0};
static struct sql erase_code = {"DELETE FROM code WHERE wormhole=?", 0};

int code_put(struct turn *t, uint64_t wormhole, const char *text)
{
    if (strlen(text) > CODE_BYTES_MAX)
        return STORE_ERR_TOO_BIG;
    scrub_owe(t);
    return sql_exec(turn_view(t), &put_code, "ut", wormhole, text);
}

int code_get(struct view *v, uint64_t wormhole, char *out)
{
    struct sql_query q;
    int rc = sql_row(v, &get_code, &q, "u", wormhole);
    if (rc)
        return rc;
    sql_text(&q, 0, out, CODE_BYTES_MAX + 1);
    sql_done(&q);
    return 0;
}

int code_erase(struct turn *t, uint64_t wormhole)
{
    scrub_owe(t);
    return sql_exec(turn_view(t), &erase_code, "u", wormhole);
}
