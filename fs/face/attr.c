#include "fs/face/attr.h"

#include <string.h>
#include <sys/stat.h>
#include "fs/face/code_file.h"
#include "fs/face/control.h"
#include "fs/face/events.h"
#include "fs/face/limits.h"
#include "store/content.h"

enum { BLOCK_BYTES = 512, NS_PER_S = 1000000000 };

static struct timespec time_of(int64_t ns)
{
    struct timespec t = {.tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S};
    if (t.tv_nsec < 0) {
        t.tv_sec--;
        t.tv_nsec += NS_PER_S;
    }
    return t;
}

static void set_times(struct stat *st, int64_t atime_ns, int64_t mtime_ns, int64_t ctime_ns)
{
    st->st_atim = time_of(atime_ns);
    st->st_mtim = time_of(mtime_ns);
    st->st_ctim = time_of(ctime_ns);
}

mode_t attr_type(const struct place *p)
{
    if (place_is_dir(p))
        return S_IFDIR;
    return p->kind == PLACE_NODE && p->attr.type == NODE_SYMLINK ? S_IFLNK : S_IFREG;
}

static void fill_node(struct face *face, const struct node *n, struct stat *st)
{
    st->st_mode |= n->mode;
    st->st_nlink = n->nlink;
    st->st_size = (off_t)n->size;
    if (n->type == NODE_FILE)
        st->st_blocks = (blkcnt_t)((content_used(face->store, n) + BLOCK_BYTES - 1) / BLOCK_BYTES);
    set_times(st, n->atime_ns, n->mtime_ns, n->ctime_ns);
}

static void fill_dir(struct face *face, const struct place *p, struct stat *st)
{
    int64_t changed =
        p->kind == PLACE_ROOT ? atomic_load(&face->root_changed_ns) : face->started_ns;
    st->st_mode |= p->kind == PLACE_CONTROL ? 0500 : 0700;
    st->st_nlink = 1; /* not counted: some walkers would believe 2 to mean no subdirectories */
    set_times(st, changed, changed, changed);
}

/* A file whose bytes are rendered. */
static int fill_text(struct face *face, const struct place *p, struct stat *st)
{
    uint64_t size = 0;
    int64_t changed_ns = face->started_ns;
    int rc = 0;
    st->st_mode |= p->kind == PLACE_CODE ? 0600 : 0400;
    st->st_nlink = 1;
    if (p->kind == PLACE_CODE)
        rc = code_file_size(face, p, &size);
    else if (p->kind == PLACE_EVENTS)
        rc = events_size(face->events, &size, &changed_ns);
    else
        rc = control_size(face, p, &size, &changed_ns);
    if (changed_ns == 0) /* before the first event */
        changed_ns = face->started_ns;
    st->st_size = (off_t)size;
    set_times(st, changed_ns, changed_ns, changed_ns);
    return rc;
}

int attr_fill(struct face *face, const struct place *p, struct stat *out)
{
    memset(out, 0, sizeof *out);
    out->st_ino = p->number;
    out->st_uid = face->options.uid;
    out->st_gid = face->options.gid;
    out->st_blksize = 4096;
    out->st_mode = attr_type(p);
    switch (p->kind) {
    case PLACE_NODE:
        fill_node(face, &p->attr, out);
        return 0;
    case PLACE_WORMHOLE:
    case PLACE_OUTBOX:
    case PLACE_INBOX:
        if (p->node != 0)
            fill_node(face, &p->attr, out);
        else
            fill_dir(face, p, out);
        return 0;
    case PLACE_ROOT:
    case PLACE_CONTROL:
        fill_dir(face, p, out);
        return 0;
    case PLACE_EVENTS:
    case PLACE_STATE_JSON:
    case PLACE_VERSION:
    case PLACE_CODE:
    case PLACE_STATE:
        break;
    }
    return fill_text(face, p, out);
}

/* Control files change by themselves. Directories below new/ change by their other names. Files
 * have one number by either name, so the kernel sees each change itself. */
double attr_timeout(const struct place *p)
{
    bool own = p->kind == PLACE_NODE ? !(p->through_new && p->attr.type == NODE_DIR)
                                     : place_is_dir(p) && !p->through_new;
    return own ? FACE_NAME_TIMEOUT_S : 0;
}

/* Below new/ names change by the other name. So does the name of the draft itself: after `mv new
 * alice` it is the next draft's, and must not lead to alice for a moment longer. And the engine
 * takes names out of an outbox: notify_name would wait there for whoever waits for us (dying.h). */
static double name_timeout(const struct place *parent, const struct place *p)
{
    bool changes = parent->through_new || p->through_new || p->draft;
    return changes || parent->kind == PLACE_OUTBOX ? 0 : FACE_NAME_TIMEOUT_S;
}

int attr_entry(struct face *face, const struct place *parent, const struct place *p,
               struct fuse_entry_param *out)
{
    *out = (struct fuse_entry_param){
        .ino = p->number,
        .generation = 1,
        .attr_timeout = attr_timeout(p),
        .entry_timeout = name_timeout(parent, p),
    };
    return attr_fill(face, p, &out->attr);
}
