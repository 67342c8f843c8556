/* Names from outside, and showing what has arrived. */
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include "store/dir.h"
#include "store/log.h"
#include "store/node_row.h"
#include "store/wormholes.h"

enum { CANDIDATES_IN_A_ROW = 64 };

/* Where a cut at `len` bytes may fall without splitting a UTF-8 character. */
static size_t cut_at(const char *text, size_t len, size_t max)
{
    if (len <= max)
        return len;
    size_t at = max;
    while (at > 0 && at > max - 4 && ((unsigned char)text[at] & 0xc0) == 0x80)
        at--;
    return ((unsigned char)text[at] & 0xc0) == 0x80 ? max : at; /* not UTF-8: any place will do */
}

static bool is_unsafe(const char *text, size_t i, size_t len)
{
    unsigned char c = (unsigned char)text[i];
    if (c < 0x20 || c == 0x7f || c == '/')
        return true;
    /* U+0080..U+009F, control characters of two bytes */
    return c == 0xc2 && i + 1 < len && (unsigned char)text[i + 1] >= 0x80 &&
           (unsigned char)text[i + 1] < 0xa0;
}

void name_make_safe(struct name *out, const char *name, size_t len, bool top_level)
{
    *out = (struct name){0};
    len = cut_at(name, len, NAME_BYTES_MAX);
    for (size_t i = 0; i < len; i++) {
        bool unsafe = is_unsafe(name, i, len);
        out->text[out->len++] = unsafe ? '_' : name[i];
        if (unsafe && (unsigned char)name[i] == 0xc2)
            i++;
    }
    bool dots = (out->len == 1 && out->text[0] == '.') ||
                (out->len == 2 && out->text[0] == '.' && out->text[1] == '.');
    if (out->len == 0)
        out->len = 1;
    if (out->text[0] == '\0' || dots || (top_level && out->text[0] == '.'))
        out->text[0] = '_';
    if (dots && out->len == 2)
        out->text[1] = '_';
}

/* Where the extension begins: the last dot that is neither first nor last. */
static size_t stem_len(const struct name *name, bool is_dir)
{
    if (is_dir)
        return name->len;
    for (size_t i = name->len; i-- > 1;)
        if (name->text[i] == '.')
            return i + 1 < name->len ? i : name->len;
    return name->len;
}

void name_clash(struct name *out, const struct name *name, unsigned n, bool is_dir)
{
    char number[16];
    size_t number_len = (size_t)snprintf(number, sizeof number, ".%u", n);
    size_t stem = stem_len(name, is_dir);
    size_t extension = name->len - stem;
    /* An extension that leaves no room for a stem is none. */
    if (extension + number_len + 1 > NAME_BYTES_MAX) {
        stem = name->len;
        extension = 0;
    }
    size_t kept = cut_at(name->text, stem, NAME_BYTES_MAX - number_len - extension);
    struct name made = {.len = (uint16_t)(kept + number_len + extension)};
    memcpy(made.text, name->text, kept);
    memcpy(made.text + kept, number, number_len);
    memcpy(made.text + kept + number_len, name->text + stem, extension);
    *out = made;
}

/* Candidates in one directory: the name itself, then numbered ones. */
struct candidates {
    struct view *v;
    uint64_t dir;
    const struct name *wanted;
    bool is_dir;
};

/* 1, 0 or an error. */
static int is_taken(const struct candidates *c, unsigned n, struct name *out)
{
    uint64_t ino;
    *out = *c->wanted;
    if (n > 1)
        name_clash(out, c->wanted, n, c->is_dir);
    int rc = node_lookup(c->v, c->dir, out->text, out->len, &ino);
    return rc == STORE_ERR_NOT_FOUND ? 0 : rc < 0 ? rc : 1;
}

/* The first candidate that is free, if that is one of the first. Else one before which the number
 * is taken, found in a few looks: a box may have a hundred thousand of one name, and another must
 * arrive all the same. */
int name_find_free(struct view *v, uint64_t dir, const struct name *wanted, bool is_dir,
                   struct name *out)
{
    const struct candidates candidates = {v, dir, wanted, is_dir}, *c = &candidates;
    unsigned taken = 0, at = 1;
    int rc;
    while ((rc = is_taken(c, at, out)) > 0) {
        taken = at;
        if (at > UINT_MAX / 2)
            return STORE_ERR_TOO_BIG;
        at = at < CANDIDATES_IN_A_ROW ? at + 1 : 2 * at;
    }
    while (rc >= 0 && at - taken > 1) {
        unsigned middle = taken + (at - taken) / 2;
        rc = is_taken(c, middle, out);
        *(rc > 0 ? &taken : &at) = middle;
    }
    return rc < 0 ? rc : is_taken(c, at, out);
}

static struct sql unstage = {"UPDATE node SET flags=flags & ~1, parent=?, ctime_ns=? WHERE ino=?",
                             0};

static json_t *describe(const struct name_arrival *a, const struct node *n, uint64_t bytes,
                        const struct name *wanted, const struct name *got)
{
    json_t *detail =
        json_pack("{s:s, s:I, s:I, s:I}", "kind", dir_kind_text(n->type), "size", (json_int_t)bytes,
                  "parcel_size", (json_int_t)a->size, "files", (json_int_t)a->files);
    bool ok = detail && log_put_name(detail, "name", got) == 0;
    if (ok && a->overhead > 0)
        ok = json_object_set_new(detail, "overhead", json_integer((json_int_t)a->overhead)) == 0;
    if (ok && a->rev) {
        char rev[2 * REV_BYTES + 1];
        sodium_bin2hex(rev, sizeof rev, a->rev, REV_BYTES);
        ok = json_object_set_new(detail, "rev", json_string(rev)) == 0;
    }
    if (ok && strcmp(wanted->text, got->text) != 0)
        ok = log_put_name(detail, "clash", wanted) == 0;
    if (ok)
        return detail;
    json_decref(detail);
    return NULL;
}

int name_publish(struct turn *t, const struct name_arrival *a, struct name *final)
{
    struct view *v = turn_view(t);
    struct wormhole w;
    struct node n;
    struct name wanted;
    int rc = wormhole_get(v, a->wormhole, &w);
    if (rc == 0)
        rc = w.state == WORMHOLE_CLOSING ? STORE_ERR_NOT_FOUND : node_get(v, a->ino, &n);
    if (rc)
        return rc;
    if (!n.staged)
        return STORE_ERR_INVALID;
    name_make_safe(&wanted, a->name, a->name_len, true);
    rc = name_find_free(v, w.inbox_ino, &wanted, n.type == NODE_DIR, final);
    if (rc)
        return rc;
    struct node_sum sum;
    rc = node_sum(v, a->ino, &sum);
    if (rc)
        return rc;
    json_t *detail = describe(a, &n, sum.bytes, &wanted, final);
    if (!detail)
        return STORE_ERR_NOMEM;
    rc = log_append(t, &(struct log_event){LOG_ARRIVED, a->wormhole, a->ino, detail}, NULL);
    uint64_t parent = n.type == NODE_DIR ? w.inbox_ino : 0;
    if (rc == 0)
        rc = sql_exec(v, &unstage, "uiu", parent, turn_now_ns(t), a->ino);
    return rc ? rc : node_touch_dir(t, w.inbox_ino, n.type == NODE_DIR);
}
