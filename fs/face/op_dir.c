#include "fs/face/ops.h"

#include <sodium.h>
#include <stdlib.h>
#include "fs/face/listing.h"

/* Through new/ a listing changes by the other name, which nobody could tell the kernel in time. */
static bool may_cache(const struct place *p)
{
    switch (p->kind) {
    case PLACE_ROOT:
    case PLACE_OUTBOX:
    case PLACE_INBOX:
    case PLACE_NODE:
        return !p->through_new;
    case PLACE_CONTROL:
    case PLACE_WORMHOLE:
    case PLACE_EVENTS:
    case PLACE_STATE_JSON:
    case PLACE_VERSION:
    case PLACE_CODE:
    case PLACE_STATE:
        break;
    }
    return false;
}

static int do_opendir(struct face *face, pid_t pid, uint64_t number, struct fuse_file_info *fi)
{
    struct place p;
    int rc = look_as(face, pid, number, &p);
    if (rc < 0)
        return rc;
    if (!place_is_dir(&p))
        return STORE_ERR_NOT_DIR;
    struct handle *h = handle_new(face->handles, HANDLE_DIR, &p);
    if (!h)
        return STORE_ERR_NOMEM;
    fi->fh = (uint64_t)(uintptr_t)h;
    fi->cache_readdir = may_cache(&p);
    return 0;
}

void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    int rc = do_opendir(face_of(req), pid_of(req), ino, fi);
    if (rc < 0)
        reply_result(req, rc);
    else if (fuse_reply_open(req, fi) < 0)
        handle_free(face_of(req)->handles, handle_of(fi));
}

/* One reply being filled. */
struct filling {
    fuse_req_t req;
    struct face *face;
    const struct place *dir;
    bool plus;
    char *buf;
    size_t size, len;
    uint64_t *held; /* numbers whose lookups the reply counts */
    size_t held_count;
};

/* The bytes that it takes; more than are left: it was not added. */
static size_t put(struct filling *f, const struct listing_item *item,
                  const struct fuse_entry_param *e)
{
    char *at = f->buf + f->len;
    size_t left = f->size - f->len;
    off_t next = (off_t)item->cookie;
    return f->plus ? fuse_add_direntry_plus(f->req, at, left, item->name.text, e, next)
                   : fuse_add_direntry(f->req, at, left, item->name.text, &e->attr, next);
}

static bool is_dots(const struct listing_item *item)
{
    return item->name.text[0] == '.' &&
           (item->name.len == 1 || (item->name.len == 2 && item->name.text[1] == '.'));
}

static int describe(struct filling *f, const struct listing_item *item, struct fuse_entry_param *e)
{
    if (f->plus && !is_dots(item))
        return attr_entry(f->face, f->dir, &item->place, e);
    *e = (struct fuse_entry_param){0};
    e->attr.st_ino = item->place.number;
    e->attr.st_mode = attr_type(&item->place);
    return 0;
}

/* 1 added, 0 no room. An entry of a readdirplus reply is a lookup. */
static int add_item(struct filling *f, const struct listing_item *item)
{
    struct fuse_entry_param e;
    int rc = describe(f, item, &e);
    bool counts = rc == 0 && e.ino != 0;
    if (counts)
        rc = lookup_hold(f->face, &item->place);
    if (rc < 0)
        return rc;
    size_t taken = put(f, item, &e);
    if (taken > f->size - f->len) {
        if (counts)
            lookup_forget(f->face, e.ino, 1);
        return 0;
    }
    f->len += taken;
    if (counts)
        f->held[f->held_count++] = e.ino;
    return 1;
}

static void forget_held(struct filling *f)
{
    for (size_t i = 0; i < f->held_count; i++)
        lookup_forget(f->face, f->held[i], 1);
}

static int fill(struct filling *f, uint64_t cookie, struct listing *batch)
{
    int rc = 1;
    while (rc == 1) {
        struct view *v;
        rc = view_begin(f->face->store, &v);
        if (rc < 0)
            return rc;
        rc = listing_read(v, f->dir, cookie, batch);
        view_end(v);
        if (rc < 0 || batch->count == 0)
            return rc;
        rc = 1;
        for (size_t i = 0; rc == 1 && i < batch->count; i++) {
            rc = add_item(f, &batch->items[i]);
            cookie = batch->items[i].cookie;
        }
    }
    return rc;
}

/* A directory entry takes at least 24 bytes, with attributes more. */
enum { ENTRY_BYTES_MIN = 24 };

static void list(fuse_req_t req, size_t size, off_t offset, struct fuse_file_info *fi, bool plus)
{
    struct filling f = {.req = req, .face = face_of(req), .plus = plus};
    f.dir = &handle_of(fi)->place;
    f.size = size < FACE_READDIR_BYTES_MAX ? size : FACE_READDIR_BYTES_MAX;
    f.buf = malloc(f.size);
    f.held = calloc(f.size / ENTRY_BYTES_MIN + 1, sizeof *f.held);
    struct listing *batch = malloc(sizeof *batch);
    int rc = f.buf && f.held && batch ? fill(&f, (uint64_t)offset, batch) : STORE_ERR_NOMEM;
    if (rc < 0 && f.len == 0) {
        reply_result(req, rc);
        forget_held(&f);
    } else if (fuse_reply_buf(req, f.buf, f.len) < 0) {
        forget_held(&f);
    }
    if (batch)
        sodium_memzero(batch, sizeof *batch); /* a name may be a code */
    if (f.buf)
        sodium_memzero(f.buf, f.len);
    free(batch);
    free(f.held);
    free(f.buf);
}

void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                struct fuse_file_info *fi)
{
    (void)ino;
    list(req, size, offset, fi, false);
}

void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                    struct fuse_file_info *fi)
{
    (void)ino;
    list(req, size, offset, fi, true);
}

void op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    (void)ino;
    handle_free(face_of(req)->handles, handle_of(fi));
    reply_result(req, 0);
}

void op_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
    (void)ino;
    (void)datasync;
    (void)fi;
    reply_result(req, store_sync(face_of(req)->store));
}
