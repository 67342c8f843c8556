/* Extended attributes: user.* of a user's files and directories are kept and travel;
 * user.wormhole.* say how an entry stands: readable, not listed, ignored when set. */
#include "fs/face/ops.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "fs/face/newdir.h"
#include "store/entries.h"

static const char own_prefix[] = "user.wormhole.";

static bool is_own(const char *name)
{
    return strncmp(name, own_prefix, strlen(own_prefix)) == 0;
}

static bool is_user(const char *name)
{
    return strncmp(name, "user.", strlen("user.")) == 0;
}

static void reply_xattr_error(fuse_req_t req, int rc)
{
    if (rc == STORE_ERR_TOO_BIG)
        fuse_reply_err(req, E2BIG);
    else
        reply_result(req, rc);
}

/* ---- what entries say of themselves ---- */

enum { OWN_VALUE_MAX = LOG_TEXT_BYTES_MAX + 1 };

static const char *entry_state_word(const struct entry *e)
{
    if (e->held[0])
        return "held";
    switch (e->state) {
    case ENTRY_OPEN:
        return "open";
    case ENTRY_SEALED:
        return e->offered ? "offered" : "sealed";
    case ENTRY_SENT:
        return "sent";
    }
    return "open";
}

/* Both leave "" for an attribute that does not apply. */
static void outbox_value(struct face *face, struct view *v, const struct entry *e, const char *what,
                         char out[static OWN_VALUE_MAX])
{
    if (strcmp(what, "id") == 0 && e->state != ENTRY_OPEN)
        sodium_bin2hex(out, OWN_VALUE_MAX, e->rev, REV_BYTES);
    else if (strcmp(what, "state") == 0)
        strcpy(out, entry_state_word(e));
    else if (strcmp(what, "acked_bytes") == 0)
        sprintf(out, "%llu", (unsigned long long)engine_acked_bytes(face->engine, v, e));
    else if (strcmp(what, "error") == 0)
        strcpy(out, e->error[0] ? e->error : e->held);
}

static void inbox_value(const struct inbox_entry *e, const char *what,
                        char out[static OWN_VALUE_MAX])
{
    time_t seconds = (time_t)(e->received_ms / 1000);
    struct tm utc;
    if (strcmp(what, "id") == 0 && e->has_rev)
        sodium_bin2hex(out, OWN_VALUE_MAX, e->rev, REV_BYTES);
    else if (strcmp(what, "state") == 0)
        strcpy(out, e->local ? "local" : "received");
    else if (strcmp(what, "received_at") == 0 && !e->local && gmtime_r(&seconds, &utc))
        strftime(out, OWN_VALUE_MAX, "%Y-%m-%dT%H:%M:%SZ", &utc);
}

/* The value's length, NO_DATA if `node` is no entry or has no such attribute. */
static ssize_t own_get(struct face *face, uint64_t node, const char *name,
                       char out[static OWN_VALUE_MAX])
{
    struct view *v;
    struct entry *entry = malloc(sizeof *entry);
    struct inbox_entry received;
    const char *what = name + strlen(own_prefix);
    out[0] = '\0';
    int rc = entry ? view_begin(face->store, &v) : STORE_ERR_NOMEM;
    if (rc < 0) {
        free(entry);
        return rc;
    }
    int as_entry = entry_get(v, node, entry);
    int as_received = as_entry == 0 ? STORE_ERR_NOT_FOUND : inbox_get(v, node, &received);
    if (as_entry == 0)
        outbox_value(face, v, entry, what, out);
    view_end(v);
    if (as_received == 0)
        inbox_value(&received, what, out);
    free(entry);
    return out[0] ? (ssize_t)strlen(out) : STORE_ERR_NO_DATA;
}

/* ---- the operations ---- */

/* The node that may have attributes. */
static int find_node(struct face *face, uint64_t number, const char *name, struct place *p)
{
    if (!is_user(name))
        return FACE_ERR_UNSUPPORTED;
    int rc = look_at(face, number, p);
    return rc == 0 && !place_is_content(p) ? FACE_ERR_UNSUPPORTED : rc;
}

static int set_in_turn(struct turn *t, uint64_t node, const char *name, const char *value,
                       size_t size, int flags)
{
    enum xattr_how how = XATTR_SET;
    if (flags == XATTR_MUST_CREATE || flags == XATTR_MUST_REPLACE)
        how = (enum xattr_how)flags;
    return value ? xattr_set(t, node, name, value, size, how) : xattr_remove(t, node, name);
}

/* value NULL: removes it. */
static int do_change(struct face *face, pid_t pid, uint64_t number, const char *name,
                     const char *value, size_t size, int flags)
{
    struct turn *t;
    struct place p;
    int rc = find_node(face, number, name, &p);
    if (rc < 0 || is_own(name))
        return rc;
    rc = newdir_check(face, &p, pid);
    if (rc == 0)
        rc = turn_begin(face->store, &t);
    if (rc != 0)
        return rc;
    rc = face_finish(t, set_in_turn(t, p.node, name, value, size, flags));
    if (rc == 0)
        file_touched(face, p.node, NULL, pid);
    return rc;
}

void op_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value, size_t size,
                 int flags)
{
    int rc = do_change(face_of(req), pid_of(req), ino, name, value ? value : "", size, flags);
    reply_xattr_error(req, rc);
}

void op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
    int rc = do_change(face_of(req), pid_of(req), ino, name, NULL, 0, 0);
    reply_xattr_error(req, rc);
}

static ssize_t stored_get(struct face *face, uint64_t node, const char *name, char *out, size_t cap)
{
    struct view *v;
    int rc = view_begin(face->store, &v);
    if (rc < 0)
        return rc;
    ssize_t len = xattr_get(v, node, name, out, cap);
    view_end(v);
    return len;
}

static ssize_t do_getxattr(struct face *face, uint64_t number, const char *name, char *out,
                           size_t cap)
{
    struct place p;
    char own[OWN_VALUE_MAX];
    int rc = find_node(face, number, name, &p);
    if (rc < 0)
        return rc;
    if (!is_own(name))
        return stored_get(face, p.node, name, out, cap);
    ssize_t len = own_get(face, p.node, name, own);
    if (len > 0 && cap > 0) {
        if ((size_t)len > cap)
            return STORE_ERR_RANGE;
        memcpy(out, own, (size_t)len);
    }
    return len;
}

/* size 0 asks for the length. */
static void reply_value(fuse_req_t req, ssize_t len, const char *value, size_t size)
{
    if (len < 0)
        reply_xattr_error(req, (int)len);
    else if (size == 0)
        fuse_reply_xattr(req, (size_t)len);
    else
        fuse_reply_buf(req, value, (size_t)len);
}

void op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
    size_t cap = size < XATTR_VALUE_BYTES_MAX ? size : XATTR_VALUE_BYTES_MAX;
    char *value = malloc(cap + 1);
    ssize_t len = value ? do_getxattr(face_of(req), ino, name, value, cap) : STORE_ERR_NOMEM;
    reply_value(req, len, value, size);
    free(value);
}

struct names {
    char *out;
    size_t cap, len;
};

static int add_name(void *arg, const char *name, const void *value, size_t len)
{
    struct names *n = arg;
    size_t size = strlen(name) + 1;
    (void)value;
    (void)len;
    if (is_own(name)) /* the sealing rule's mark (seal_turn.h) */
        return 0;
    if (n->cap > 0) {
        if (n->len + size > n->cap)
            return STORE_ERR_RANGE;
        memcpy(n->out + n->len, name, size);
    }
    n->len += size;
    return 0;
}

static ssize_t do_listxattr(struct face *face, uint64_t number, char *out, size_t cap)
{
    struct view *v;
    struct place p;
    struct names names = {.out = out, .cap = cap};
    int rc = view_begin(face->store, &v);
    if (rc < 0)
        return rc;
    rc = place_of(v, number, &p);
    if (rc == 0 && place_is_content(&p))
        rc = xattr_list(v, p.node, add_name, &names);
    view_end(v);
    return rc < 0 ? rc : (ssize_t)names.len;
}

void op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
    size_t cap = size < XATTR_NODE_BYTES_MAX ? size : XATTR_NODE_BYTES_MAX;
    char *value = malloc(cap + 1);
    ssize_t len = value ? do_listxattr(face_of(req), ino, value, cap) : STORE_ERR_NOMEM;
    reply_value(req, len, value, size);
    free(value);
}
