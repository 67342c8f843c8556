/* Unpacking, with libarchive reading from a file of the store. What it reads is a stranger's. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "store/content.h"
#include "store/namespace.h"
#include "store/zip.h"
#include "store/zip_names.h"

enum { UNPACK_BUFFER_BYTES = 256 * 1024, LIST_MARK_BYTES = 4 };
_Static_assert((int)UNPACK_BUFFER_BYTES > (int)INLINE_BYTES_MAX, "a small member fits at once");

struct unpack {
    struct store *store;
    uint64_t zip_ino, zip_size, at; /* the archive, and where libarchive reads in it */
    uint64_t top;
    uint64_t bytes_left;
    bool keep_exec;
    bool (*stop)(void *arg);
    void *stop_arg;
    int error;
    uint8_t *in, *out;
    struct archive *archive;
    bool lists;      /* libarchive reads the list of members, all of it into memory */
    uint64_t listed; /* so many of them since it last sought */
    uint8_t tail[LIST_MARK_BYTES - 1];
    size_t tail_len; /* the last bytes read, for a mark that the next block ends */
    struct zip_sum sum;
    uint64_t members;
    struct zip_names names;
};

/* ---- the archive's bytes ---- */

static const uint8_t list_mark[LIST_MARK_BYTES] = {'P', 'K', 1, 2};

static uint64_t count_marks(const uint8_t *data, size_t len)
{
    uint64_t count = 0;
    const uint8_t *end = data + len, *at = data;
    while ((at = memmem(at, (size_t)(end - at), list_mark, sizeof list_mark)) != NULL) {
        count++;
        at += sizeof list_mark;
    }
    return count;
}

/* What libarchive remembers of each member that the list names (160 bytes) must be bounded while it
 * reads the list, before it tells of the first: counts what each of them begins with. */
static bool lists_too_many(struct unpack *u, size_t len)
{
    uint8_t seam[2 * sizeof u->tail];
    size_t head = len < sizeof u->tail ? len : sizeof u->tail;
    memcpy(seam, u->tail, u->tail_len);
    memcpy(seam + u->tail_len, u->in, head);
    u->listed += count_marks(seam, u->tail_len + head) + count_marks(u->in, len);
    u->tail_len = head;
    memcpy(u->tail, u->in + len - head, head);
    return u->listed > ZIP_MEMBERS_MAX;
}

static la_ssize_t read_block(struct archive *a, void *arg, const void **data)
{
    struct unpack *u = arg;
    ssize_t got = content_read(u->store, u->zip_ino, u->in, UNPACK_BUFFER_BYTES, u->at);
    if (got < 0) {
        u->error = (int)got;
        archive_set_error(a, EIO, "%s", store_strerror(u->error));
        return -1;
    }
    u->at += (uint64_t)got;
    *data = u->in;
    if (u->lists && lists_too_many(u, (size_t)got)) {
        u->error = STORE_ERR_HOSTILE;
        archive_set_error(a, EIO, "%s", store_strerror(u->error));
        return -1;
    }
    return got;
}

static la_int64_t seek_to(struct archive *a, void *arg, la_int64_t offset, int whence)
{
    struct unpack *u = arg;
    la_int64_t base = whence == SEEK_SET   ? 0
                      : whence == SEEK_CUR ? (la_int64_t)u->at
                                           : (la_int64_t)u->zip_size;
    (void)a;
    if (offset < -base || offset > (la_int64_t)CONTENT_BYTES_MAX)
        return ARCHIVE_FATAL;
    u->at = (uint64_t)(base + offset);
    u->listed = u->tail_len = 0;
    return base + offset;
}

static la_int64_t skip_over(struct archive *a, void *arg, la_int64_t len)
{
    struct unpack *u = arg;
    (void)a;
    uint64_t left = u->zip_size > u->at ? u->zip_size - u->at : 0;
    uint64_t skipped = len < 0 ? 0 : (uint64_t)len < left ? (uint64_t)len : left;
    u->at += skipped;
    u->tail_len = 0;
    return (la_int64_t)skipped;
}

/* ---- names ---- */

/* One component, as the archive has it: honest folders have control characters in names. 1: there
 * is nothing in it ("a//b", "./a"). */
static int check_part(struct name *out, const char *name, size_t len)
{
    if (len == 0 || (len == 1 && name[0] == '.'))
        return 1;
    return name_set(out, name, len) ? STORE_ERR_HOSTILE : 0; /* "..", or too long */
}

/* What is in the way makes the archive a bad one; what the disk says is not its fault. */
static int blame(int rc)
{
    return rc == STORE_ERR_EXISTS || rc == STORE_ERR_NOT_DIR ? STORE_ERR_HOSTILE : rc;
}

/* Steps into a directory of the tree, which is made if it is missing. It counts as a member, unless
 * it is one: a path of two bytes a directory must not be a way around the bound. */
static int step_into(struct unpack *u, struct turn *t, uint64_t *dir, const struct name *name,
                     bool is_member)
{
    struct node n;
    int rc = zip_names_get(&u->names, turn_view(t), *dir, name, &n);
    if (rc == 0 && n.type != NODE_DIR)
        return STORE_ERR_HOSTILE;
    if (rc == 0)
        *dir = n.ino;
    if (rc != STORE_ERR_NOT_FOUND)
        return rc;
    if (!is_member && ++u->members > ZIP_MEMBERS_MAX)
        return STORE_ERR_HOSTILE;
    struct node_new what = {.type = NODE_DIR, .mode = 0755};
    return zip_names_make(&u->names, t, *dir, name, &what, dir);
}

/* Walks to the directory of the last component, which is left in *last; *count tells how many
 * there were. */
static int walk_path(struct unpack *u, struct turn *t, const char *path, uint64_t *dir,
                     struct name *last, unsigned *count)
{
    struct name name;
    *count = 0;
    if (path[0] == '/')
        return STORE_ERR_HOSTILE;
    for (size_t len; *path; path += len + (path[len] == '/')) {
        len = strcspn(path, "/");
        int rc = check_part(&name, path, len);
        if (rc < 0)
            return rc;
        if (rc == 1)
            continue;
        if (*count > 0)
            rc = step_into(u, t, dir, last, false);
        if (rc)
            return rc;
        *last = name;
        if (++*count > ZIP_DEPTH_MAX)
            return STORE_ERR_HOSTILE;
    }
    return 0;
}

/* ---- members ---- */

static uint32_t safe_mode(const struct unpack *u, struct archive_entry *e, bool is_dir)
{
    uint32_t mode = (uint32_t)archive_entry_perm(e) & 0777;
    if (is_dir)
        return mode | 0700;
    if (!u->keep_exec)
        mode &= 0666;
    return mode | 0600;
}

static int64_t mtime_of(struct archive_entry *e)
{
    int64_t seconds = archive_entry_mtime_is_set(e) ? (int64_t)archive_entry_mtime(e) : 0;
    bool sane = seconds > 0 && seconds < INT64_C(1) << 33;
    return sane ? seconds * 1000000000 : INT64_MIN;
}

static int make_dir(struct unpack *u, struct turn *t, struct archive_entry *e, uint64_t dir,
                    const struct name *last)
{
    int rc = step_into(u, t, &dir, last, true);
    return rc ? rc : node_set_mode(t, dir, safe_mode(u, e, true));
}

/* The next bytes of the member, at most a buffer full. The bound counts what really comes out. */
static ssize_t next_bytes(struct unpack *u, size_t max)
{
    size_t done = 0;
    while (done < max) {
        la_ssize_t n = archive_read_data(u->archive, u->out + done, max - done);
        if (n < 0)
            return u->error ? u->error : STORE_ERR_HOSTILE;
        if (n == 0)
            break;
        done += (size_t)n;
    }
    if (done > u->bytes_left)
        return STORE_ERR_TOO_BIG;
    u->bytes_left -= done;
    u->sum.bytes += done;
    return (ssize_t)done;
}

/* In one turn if all of it is small: the file and its bytes. */
static int make_file(struct unpack *u, struct turn *t, struct archive_entry *e, uint64_t dir,
                     const struct name *last, size_t have, uint64_t *ino)
{
    struct node_new what = {.type = NODE_FILE, .mode = safe_mode(u, e, false)};
    int rc = blame(zip_names_make(&u->names, t, dir, last, &what, ino));
    if (rc == 0 && have <= INLINE_BYTES_MAX)
        rc = content_put(t, *ino, u->out, have);
    if (rc == 0)
        rc = node_set_times(t, *ino, INT64_MIN, mtime_of(e));
    u->sum.files++;
    return rc;
}

/* What did not fit into the first buffer. */
static int fill_file(struct unpack *u, struct archive_entry *e, uint64_t ino, size_t have)
{
    uint64_t at = 0;
    struct turn *t;
    int rc = 0;
    while (rc == 0 && have > 0) {
        if (u->stop && u->stop(u->stop_arg))
            return STORE_ERR_BUSY;
        rc = content_write(u->store, ino, u->out, have, at);
        at += have;
        ssize_t got = rc ? rc : next_bytes(u, UNPACK_BUFFER_BYTES);
        if (got < 0)
            return (int)got;
        have = (size_t)got;
    }
    if (rc == 0)
        rc = content_flush(u->store, ino, true);
    if (rc == 0)
        rc = turn_begin(u->store, &t);
    if (rc)
        return rc;
    rc = node_set_times(t, ino, INT64_MIN, mtime_of(e));
    if (rc == 0)
        return turn_checkpoint(t);
    turn_abort(t);
    return rc;
}

static int place(struct unpack *u, struct turn *t, struct archive_entry *e, size_t have,
                 uint64_t *ino)
{
    uint64_t dir = u->top;
    struct name last;
    unsigned count;
    const char *path = archive_entry_pathname(e);
    bool is_dir = archive_entry_filetype(e) == AE_IFDIR;
    if (!path)
        return STORE_ERR_HOSTILE;
    int rc = walk_path(u, t, path, &dir, &last, &count);
    if (rc)
        return rc;
    if (count == 0)
        return is_dir ? 0 : STORE_ERR_HOSTILE; /* "./" is the top itself */
    return is_dir ? make_dir(u, t, e, dir, &last) : make_file(u, t, e, dir, &last, have, ino);
}

static int unpack_member(struct unpack *u, struct archive_entry *e)
{
    struct turn *t;
    uint64_t ino = 0;
    unsigned type = archive_entry_filetype(e);
    if (++u->members > ZIP_MEMBERS_MAX || (type != AE_IFREG && type != AE_IFDIR) ||
        archive_entry_hardlink(e) || archive_entry_is_encrypted(e))
        return STORE_ERR_HOSTILE;
    ssize_t have = type == AE_IFREG ? next_bytes(u, UNPACK_BUFFER_BYTES) : 0;
    if (have < 0)
        return (int)have;
    int rc = turn_begin(u->store, &t);
    if (rc)
        return rc;
    rc = place(u, t, e, (size_t)have, &ino);
    if (rc) {
        turn_abort(t);
        return rc;
    }
    rc = turn_checkpoint(t);
    return rc == 0 && have > INLINE_BYTES_MAX ? fill_file(u, e, ino, (size_t)have) : rc;
}

static int unpack_members(struct unpack *u)
{
    struct archive_entry *e;
    for (;;) {
        if (u->stop && u->stop(u->stop_arg))
            return STORE_ERR_BUSY;
        int got = archive_read_next_header(u->archive, &e);
        u->lists = false;
        if (got == ARCHIVE_EOF)
            return 0;
        if (got != ARCHIVE_OK && got != ARCHIVE_WARN)
            return u->error ? u->error : STORE_ERR_HOSTILE;
        int rc = unpack_member(u, e);
        if (rc)
            return rc;
    }
}

/* An archive of an empty directory is only its end record, which libarchive takes for nothing. */
static bool is_empty(struct unpack *u)
{
    ssize_t got = content_read(u->store, u->zip_ino, u->in, 4, 0);
    return got == 4 && memcmp(u->in, "PK\5\6", 4) == 0;
}

static int read_archive(struct unpack *u)
{
    if (is_empty(u))
        return 0;
    u->archive = archive_read_new();
    if (!u->archive)
        return STORE_ERR_NOMEM;
    archive_read_support_format_zip_seekable(u->archive);
    archive_read_set_callback_data(u->archive, u);
    archive_read_set_read_callback(u->archive, read_block);
    archive_read_set_seek_callback(u->archive, seek_to);
    archive_read_set_skip_callback(u->archive, skip_over);
    int rc = archive_read_open1(u->archive) == ARCHIVE_OK ? unpack_members(u)
             : u->error                                   ? u->error
                                                          : STORE_ERR_HOSTILE;
    archive_read_free(u->archive);
    return rc;
}

/* ---- the whole ---- */

static int prepare(struct unpack *u)
{
    struct turn *t;
    struct node zip;
    int rc = turn_begin(u->store, &t);
    if (rc)
        return rc;
    rc = node_get(turn_view(t), u->zip_ino, &zip);
    if (rc == 0)
        rc = node_stage(t, &(struct node_new){.type = NODE_DIR, .mode = 0755}, &u->top);
    if (rc) {
        turn_abort(t);
        return rc;
    }
    u->zip_size = u->sum.zip_bytes = zip.size;
    return turn_checkpoint(t);
}

/* A part may be large: its nodes go in as many turns as they need. */
static void discard(struct unpack *u)
{
    struct turn *t;
    if (turn_begin_relief(u->store, &t))
        return; /* the next start sweeps it */
    if (node_discard(t, u->top)) {
        turn_abort(t);
        return;
    }
    if (turn_checkpoint(t) == 0)
        while (node_sweep(u->store) == 1)
            ;
}

int zip_unpack(struct store *s, uint64_t zip_ino, uint64_t bytes_max, bool keep_exec,
               bool (*stop)(void *arg), void *arg, uint64_t *top, struct zip_sum *sum)
{
    struct unpack u = {.store = s,
                       .zip_ino = zip_ino,
                       .bytes_left = bytes_max,
                       .keep_exec = keep_exec,
                       .lists = true,
                       .stop = stop,
                       .stop_arg = arg};
    int rc = zip_names_init(&u.names);
    if (rc == 0)
        rc = prepare(&u);
    if (rc) {
        zip_names_release(&u.names);
        return rc;
    }
    u.in = malloc(UNPACK_BUFFER_BYTES);
    u.out = malloc(UNPACK_BUFFER_BYTES);
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    if (u.in && u.out && utf8) {
        locale_t before = uselocale(utf8);
        rc = read_archive(&u);
        uselocale(before);
    } else {
        rc = STORE_ERR_NOMEM;
    }
    if (utf8)
        freelocale(utf8);
    free(u.in);
    free(u.out);
    zip_names_release(&u.names);
    if (rc == 0)
        rc = store_sync(s);
    if (rc) {
        discard(&u);
        return rc;
    }
    *top = u.top;
    *sum = u.sum;
    return 0;
}
