/* Packing, with libarchive writing into a staged file. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include "store/content.h"
#include "store/zip.h"
#include "store/zip_list.h"

enum { PACK_BUFFER_BYTES = 256 * 1024, PACK_BLOCK_BYTES = 1 << 20 };

struct pack {
    struct store *store;
    uint64_t zip_ino;
    uint64_t written;
    int error; /* of the store, behind what libarchive reports */
    bool (*stop)(void *arg);
    void *stop_arg;
    uint8_t *buffer;
    struct archive *archive;
};

/* Never tells libarchive of a failure, since it leaks its buffers when a writer fails: the error is
 * kept here, what comes after it is dropped, and every caller looks. */
static la_ssize_t write_block(struct archive *a, void *arg, const void *data, size_t len)
{
    struct pack *p = arg;
    (void)a;
    for (size_t done = 0; done < len && p->error == 0;) {
        size_t part = len - done < CONTENT_CALL_BYTES_MAX ? len - done : CONTENT_CALL_BYTES_MAX;
        p->error = content_write(p->store, p->zip_ino, (const char *)data + done, part, p->written);
        done += part;
        p->written += part;
    }
    return (la_ssize_t)len;
}

/* What the store said, else what libarchive did. */
static int result(const struct pack *p, bool ok)
{
    return p->error ? p->error : ok ? 0 : STORE_ERR_IO;
}

static int put_bytes(struct pack *p, const struct zip_member *m)
{
    for (uint64_t at = 0; at < m->size;) {
        if (p->stop && p->stop(p->stop_arg))
            return STORE_ERR_BUSY;
        uint64_t left = m->size - at;
        size_t part = left < PACK_BUFFER_BYTES ? (size_t)left : PACK_BUFFER_BYTES;
        ssize_t got = content_read(p->store, m->ino, p->buffer, part, at);
        if (got < 0)
            return (int)got;
        if (got == 0)
            return STORE_ERR_BUSY; /* it was cut under our hands */
        int rc = result(p, archive_write_data(p->archive, p->buffer, (size_t)got) == got);
        if (rc)
            return rc;
        at += (uint64_t)got;
    }
    return 0;
}

static int put_member(struct pack *p, const struct zip_list *l, const struct zip_member *m)
{
    struct archive_entry *e = archive_entry_new();
    if (!e)
        return STORE_ERR_NOMEM;
    archive_entry_set_pathname(e, l->paths + m->path);
    archive_entry_set_filetype(e, m->ino ? AE_IFREG : AE_IFDIR);
    archive_entry_set_perm(e, m->mode & 0777);
    archive_entry_set_size(e, (la_int64_t)m->size);
    archive_entry_set_mtime(e, (time_t)(m->mtime_ns / 1000000000), 0);
    int rc = result(p, archive_write_header(p->archive, e) >= ARCHIVE_WARN);
    archive_entry_free(e);
    return rc == 0 && m->ino ? put_bytes(p, m) : rc;
}

/* Level 1: a stock pair is waiting for it, and most of what is large does not shrink anyway. */
static int open_archive(struct pack *p)
{
    p->archive = archive_write_new();
    if (!p->archive)
        return STORE_ERR_NOMEM;
    archive_write_set_bytes_per_block(p->archive, PACK_BLOCK_BYTES);
    archive_write_set_bytes_in_last_block(p->archive, 1);
    const char *options = "zip:compression=deflate,zip:compression-level=1,zip:hdrcharset=UTF-8";
    bool ok = archive_write_set_format_zip(p->archive) == ARCHIVE_OK &&
              archive_write_set_options(p->archive, options) == ARCHIVE_OK &&
              archive_write_open(p->archive, p, NULL, write_block, NULL) == ARCHIVE_OK;
    return result(p, ok);
}

/* libarchive takes names in the thread's locale; the daemon's may be "C". */
static int pack_members(struct pack *p, const struct zip_list *l)
{
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    if (!utf8)
        return STORE_ERR_NOMEM;
    locale_t before = uselocale(utf8);
    int rc = open_archive(p);
    for (size_t i = 0; i < l->count && rc == 0; i++)
        rc = put_member(p, l, &l->members[i]);
    if (rc == 0)
        rc = result(p, archive_write_close(p->archive) == ARCHIVE_OK);
    if (rc && p->error == 0)
        p->error = rc; /* what libarchive writes in its clean end is dropped */
    archive_write_free(p->archive);
    uselocale(before);
    freelocale(utf8);
    return rc;
}

static int stage(struct store *s, uint64_t *ino)
{
    struct turn *t;
    int rc = turn_begin(s, &t);
    if (rc)
        return rc;
    rc = node_stage(t, &(struct node_new){.type = NODE_FILE, .mode = 0600}, ino);
    if (rc) {
        turn_abort(t);
        return rc;
    }
    return turn_checkpoint(t);
}

static void discard(struct store *s, uint64_t ino)
{
    struct turn *t;
    if (turn_begin_relief(s, &t))
        return; /* the next start sweeps it */
    if (node_discard(t, ino))
        turn_abort(t);
    else
        (void)turn_checkpoint(t);
}

static int pack(struct store *s, const struct zip_list *l, bool (*stop)(void *arg), void *arg,
                uint64_t *zip_ino, struct zip_sum *sum)
{
    struct pack p = {.store = s, .stop = stop, .stop_arg = arg};
    int rc = stage(s, &p.zip_ino);
    if (rc)
        return rc;
    p.buffer = malloc(PACK_BUFFER_BYTES);
    rc = p.buffer ? pack_members(&p, l) : STORE_ERR_NOMEM;
    free(p.buffer);
    if (rc == 0)
        rc = content_flush(s, p.zip_ino, true);
    if (rc) {
        discard(s, p.zip_ino);
        return rc;
    }
    *zip_ino = p.zip_ino;
    *sum = (struct zip_sum){.zip_bytes = p.written};
    for (size_t i = 0; i < l->count; i++) {
        sum->files += l->members[i].ino != 0;
        sum->bytes += l->members[i].size;
    }
    return 0;
}

static int list_dir(struct store *s, uint64_t top, struct zip_list *l)
{
    struct view *v;
    struct node n;
    int rc = view_begin(s, &v);
    if (rc)
        return rc;
    rc = node_get(v, top, &n);
    if (rc == 0)
        rc = n.type == NODE_DIR ? zip_list_add(l, v, top, "") : STORE_ERR_NOT_DIR;
    view_end(v);
    return rc;
}

int zip_pack(struct store *s, uint64_t top, bool (*stop)(void *arg), void *arg, uint64_t *zip_ino,
             struct zip_sum *sum)
{
    struct zip_list l = {0};
    int rc = list_dir(s, top, &l);
    if (rc == 0)
        rc = pack(s, &l, stop, arg, zip_ino, sum);
    zip_list_release(&l);
    return rc;
}

int zip_pack_several(struct store *s, const struct zip_source *sources, size_t count,
                     bool (*stop)(void *arg), void *arg, uint64_t *zip_ino, struct zip_sum *sum)
{
    struct zip_list l = {0};
    struct view *v;
    int rc = view_begin(s, &v);
    if (rc)
        return rc;
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = zip_list_add(&l, v, sources[i].ino, sources[i].name.text);
    view_end(v);
    if (rc == 0)
        rc = pack(s, &l, stop, arg, zip_ino, sum);
    zip_list_release(&l);
    return rc;
}
