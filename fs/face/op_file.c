/* Handles: open, create, flush, fsync, release, poll. */
#include "fs/face/ops.h"

#include <poll.h>
#include "fs/face/caller.h"
#include "fs/face/code_file.h"
#include "fs/face/control.h"
#include "fs/face/events.h"
#include "fs/face/newdir.h"
#include "fs/face/failure.h"
#include "fs/face/recent.h"
#include "store/content.h"

static bool flags_write(int flags)
{
    return (flags & O_ACCMODE) != O_RDONLY;
}

/* Which entry, and in whose outbox; both 0 if in none. */
static int find_entry(struct face *face, uint64_t node, uint64_t *entry, uint64_t *wormhole)
{
    struct view *v;
    struct wormhole_place in = {0};
    int rc = view_begin(face->store, &v);
    if (rc < 0)
        return rc;
    rc = wormhole_of(v, node, &in);
    view_end(v);
    bool out = rc == 0 && in.box == NODE_OUTBOX;
    *entry = out ? in.entry : 0;
    *wormhole = out ? in.wormhole : 0;
    return rc == STORE_ERR_NOT_FOUND ? 0 : rc;
}

uint64_t file_entry(struct face *face, struct handle *h)
{
    uint64_t entry, wormhole;
    uint64_t epoch = handles_epoch(face->handles);
    if (atomic_load(&h->epoch) == epoch || find_entry(face, h->place.node, &entry, &wormhole) < 0)
        return atomic_load(&h->entry);
    atomic_store(&h->entry, entry);
    atomic_store(&h->epoch, epoch);
    return entry;
}

void caller_touched(struct face *face, pid_t pid, uint64_t wormhole)
{
    struct writer_id process = caller_of(pid);
    recent_changed(face->recent, &process, wormhole, face_now_ms(face));
}

void file_touched(struct face *face, uint64_t node, const struct handle *h, pid_t pid)
{
    uint64_t entry, wormhole;
    if (find_entry(face, node, &entry, &wormhole) < 0 || entry == 0)
        return;
    seal_changed(face->seal, entry, h ? h->id : 0, pid);
    caller_touched(face, pid, wormhole);
}

static enum handle_kind kind_of(const struct place *p)
{
    switch (p->kind) {
    case PLACE_NODE:
        return HANDLE_FILE;
    case PLACE_CODE:
        return HANDLE_CODE;
    case PLACE_EVENTS:
        return HANDLE_EVENTS;
    case PLACE_STATE:
    case PLACE_STATE_JSON:
    case PLACE_VERSION:
        return HANDLE_TEXT;
    case PLACE_ROOT:
    case PLACE_CONTROL:
    case PLACE_WORMHOLE:
    case PLACE_OUTBOX:
    case PLACE_INBOX:
        break;
    }
    return HANDLE_DIR;
}

static int check_open(const struct place *p, int flags)
{
    if (place_is_dir(p))
        return STORE_ERR_IS_DIR;
    if (p->kind == PLACE_NODE && p->attr.type != NODE_FILE)
        return STORE_ERR_INVALID;
    return flags_write(flags) && p->kind != PLACE_NODE && p->kind != PLACE_CODE ? STORE_ERR_ACCESS
                                                                                : 0;
}

/* Said now and not at the first write: not every program looks at what its writes return. */
static int check_writable(struct face *face, uint64_t entry)
{
    struct view *v;
    int rc = view_begin(face->store, &v);
    if (rc < 0)
        return rc;
    rc = engine_entry_check(face->engine, v, entry);
    view_end(v);
    return rc;
}

/* An open file is held beside its lookups: a name cache that is dropped must not end it. */
static int begin_file(struct face *face, struct handle *h, pid_t pid)
{
    uint64_t entry, wormhole;
    atomic_store(&h->epoch, handles_epoch(face->handles));
    int rc = find_entry(face, h->place.node, &entry, &wormhole);
    if (rc == 0 && entry != 0 && h->writable)
        rc = check_writable(face, entry);
    if (rc == 0)
        rc = node_open(face->store, h->place.node);
    if (rc < 0)
        return rc;
    atomic_store(&h->entry, entry);
    atomic_store(&h->wormhole, wormhole);
    if (entry != 0) {
        seal_opened(face->seal, entry, h->place.node, h->id, h->writable, pid);
        recent_opened(face->recent, &h->opener, wormhole, face_now_ms(face));
    }
    return 0;
}

static int begin(struct face *face, struct handle *h, pid_t pid)
{
    switch (h->kind) {
    case HANDLE_FILE:
        return begin_file(face, h, pid);
    case HANDLE_TEXT:
        h->unread = true;
        return control_render(face, &h->place, &h->text);
    case HANDLE_CODE:
    case HANDLE_EVENTS:
    case HANDLE_DIR:
        break;
    }
    return 0;
}

/* Content changes only through this kernel, so what it has cached stays good. Control files change
 * by themselves, and a read of `code` must reach us although its size is 0. */
static void set_caching(const struct handle *h, struct fuse_file_info *fi)
{
    fi->keep_cache = h->kind == HANDLE_FILE;
    fi->direct_io = h->kind != HANDLE_FILE;
    fi->noflush = !h->writable;
}

static int open_place(struct face *face, pid_t pid, const struct place *p,
                      struct fuse_file_info *fi)
{
    struct handle *h = handle_new(face->handles, kind_of(p), p);
    if (!h)
        return STORE_ERR_NOMEM;
    h->opener_tid = pid;
    h->opener = caller_of(pid);
    h->writable = flags_write(fi->flags);
    int rc = begin(face, h, pid);
    if (rc < 0) {
        handle_free(face->handles, h);
        return rc;
    }
    fi->fh = (uint64_t)(uintptr_t)h;
    set_caching(h, fi);
    return 0;
}

static void end(struct face *face, struct handle *h)
{
    if (h->kind == HANDLE_FILE) {
        uint64_t entry = file_entry(face, h);
        seal_released(face->seal, entry, h->id);
        recent_closed(face->recent, &h->opener, atomic_load(&h->wormhole), face_now_ms(face));
        node_close(face->store, h->place.node);
    }
    handle_free(face->handles, h);
}

static int do_open(struct face *face, pid_t pid, uint64_t number, struct fuse_file_info *fi)
{
    struct place p;
    int rc = look_at(face, number, &p);
    if (rc == 0)
        rc = check_open(&p, fi->flags);
    if (rc == 0 && flags_write(fi->flags))
        rc = newdir_check(face, &p, pid);
    return rc < 0 ? rc : open_place(face, pid, &p, fi);
}

void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    int rc = do_open(face_of(req), pid_of(req), ino, fi);
    if (rc < 0)
        reply_result(req, rc);
    else if (fuse_reply_open(req, fi) < 0)
        end(face_of(req), handle_of(fi)); /* interrupted: there will be no release */
}

/* The file that was there already; truncated if the caller wants that, as the kernel believes that
 * it is new. */
static int take_existing(struct face *face, pid_t pid, uint64_t parent_number, const char *name,
                         int flags, struct place *parent, struct place *child)
{
    struct view *v;
    int rc = view_begin(face->store, &v);
    if (rc < 0)
        return rc;
    rc = newdir_place(face, v, parent_number, pid, parent);
    if (rc == 0)
        rc = place_child(v, parent, name, child);
    if (rc == 0 && (child->kind != PLACE_NODE || child->attr.type != NODE_FILE))
        rc = STORE_ERR_EXISTS;
    if (rc == 0)
        rc = lookup_hold(face, child);
    view_end(v);
    if (rc < 0 || !(flags & O_TRUNC))
        return rc;
    rc = content_truncate(face->store, child->node, 0);
    child->attr.size = 0;
    if (rc == 0)
        file_touched(face, child->node, NULL, pid);
    else
        lookup_forget(face, child->number, 1);
    return rc;
}

enum { CREATE_TRIES = 8 };

/* While a directory is the draft's it has two inodes in the kernel, and so two locks: through the
 * other one the file may appear, or go, between the kernel's lookup and this call. */
static int make_or_take(struct face *face, pid_t pid, uint64_t parent_number, const char *name,
                        mode_t mode, int flags, struct place *parent, struct place *child)
{
    struct node_new what = {.type = NODE_FILE, .mode = mode & 0777};
    int rc = STORE_ERR_NOT_FOUND;
    for (int i = 0; i < CREATE_TRIES && rc == STORE_ERR_NOT_FOUND; i++) {
        rc = make_node(face, pid, parent_number, name, &what, parent, child);
        if (rc == STORE_ERR_EXISTS && !(flags & O_EXCL))
            rc = take_existing(face, pid, parent_number, name, flags, parent, child);
        else if (rc < 0)
            break;
    }
    return rc;
}

static int do_create(struct face *face, pid_t pid, uint64_t parent_number, const char *name,
                     mode_t mode, struct fuse_file_info *fi, struct fuse_entry_param *e)
{
    struct place parent, child;
    int rc = make_or_take(face, pid, parent_number, name, mode, fi->flags, &parent, &child);
    failure_at(face, parent_number, NULL, pid, rc);
    if (rc < 0)
        return rc;
    rc = attr_entry(face, &parent, &child, e);
    if (rc == 0)
        rc = open_place(face, pid, &child, fi);
    if (rc < 0)
        lookup_forget(face, child.number, 1);
    return rc;
}

void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
               struct fuse_file_info *fi)
{
    struct face *face = face_of(req);
    struct fuse_entry_param e;
    int rc = do_create(face, pid_of(req), parent, name, mode, fi, &e);
    if (rc < 0) {
        reply_result(req, rc);
    } else if (fuse_reply_create(req, &e, fi) < 0) {
        end(face, handle_of(fi));
        lookup_forget(face, e.ino, 1);
    }
}

/* Makes durable what was written. fsync is no close: the file may not be whole yet, so it never
 * counts as the opener's flush. */
static int make_durable(struct face *face, struct handle *h, bool flush, pid_t pid)
{
    bool finished = flush && writer_same_process(pid, h->opener_tid);
    uint64_t entry = flush ? file_entry(face, h) : 0;
    if (entry != 0 && !seal_flushed(face->seal, entry, h->id, pid))
        finished = false;
    int rc = content_flush(face->store, h->place.node, finished);
    failure_of_handle(face, h, pid, rc);
    return rc;
}

static int do_flush(struct face *face, struct handle *h, pid_t pid)
{
    if (h->kind == HANDLE_CODE)
        return code_file_flush(face, h);
    return h->kind == HANDLE_FILE && h->writable ? make_durable(face, h, true, pid) : 0;
}

void op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    (void)ino;
    reply_result(req, do_flush(face_of(req), handle_of(fi), pid_of(req)));
}

void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
    struct handle *h = handle_of(fi);
    (void)ino;
    (void)datasync;
    reply_result(req,
                 h->kind == HANDLE_FILE ? make_durable(face_of(req), h, false, pid_of(req)) : 0);
}

void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    (void)ino;
    end(face_of(req), handle_of(fi));
    reply_result(req, 0);
}

/* Of new/: whichever it means now. */
static bool code_is_there(struct face *face, const struct handle *h)
{
    struct place p;
    uint64_t size = 0;
    return look_at(face, h->place.number, &p) == 0 && code_file_size(face, &p, &size) == 0 &&
           size > 0;
}

static bool events_grew(struct face *face, struct handle *h)
{
    uint64_t size = 0;
    int64_t changed_ns;
    if (events_size(face->events, &size, &changed_ns) < 0)
        return true; /* let it read, and get the error */
    pthread_mutex_lock(&h->lock);
    bool grew = size > h->read_to;
    pthread_mutex_unlock(&h->lock);
    return grew;
}

static bool text_is_new(struct handle *h)
{
    pthread_mutex_lock(&h->lock);
    bool is = h->changed || h->unread;
    pthread_mutex_unlock(&h->lock);
    return is;
}

/* Is there something that this handle has not read? */
static bool has_news(struct face *face, struct handle *h)
{
    switch (h->kind) {
    case HANDLE_CODE:
        return code_is_there(face, h);
    case HANDLE_EVENTS:
        return events_grew(face, h);
    case HANDLE_TEXT:
        return text_is_new(h);
    case HANDLE_FILE:
    case HANDLE_DIR:
        break;
    }
    return true;
}

void op_poll(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct fuse_pollhandle *ph)
{
    struct handle *h = handle_of(fi);
    (void)ino;
    /* First leave the name, then look: what happens in between wakes. */
    handle_poll(h, ph);
    unsigned ready = has_news(face_of(req), h) ? POLLIN | POLLRDNORM : 0;
    if (h->writable)
        ready |= POLLOUT | POLLWRNORM;
    fuse_reply_poll(req, ready);
}
