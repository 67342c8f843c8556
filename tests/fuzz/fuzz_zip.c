/* A zip from a stock client, unpacked into a store: the input is the archive. Whatever it is,
 * nothing is left behind, and what comes out is within its bounds. The store stays for many inputs:
 * what is left in it would show. */
#include "tests/fuzz/fuzz.h"
#include "tests/unit/store_rig.h"

#include "store/zip.h"

enum { BYTES_MAX = 1 << 20, NODES_MAX = 100000, POLLS_MAX = 2000 };

struct count {
    uint64_t files, bytes, nodes;
};

static struct rig *rig;

static int count_one(void *arg, const struct node *n, const char *path, size_t len)
{
    struct count *c = arg;

    MUST(strnlen(path, len + 1) == len);
    MUST(strncmp(path, "../", 3) != 0 && strstr(path, "/../") == NULL); /* "a../b" is a name */
    for (size_t i = 0; i < len; i++)
        MUST((unsigned char)path[i] >= 32 && path[i] != 127);
    MUST(n->type == NODE_FILE || n->type == NODE_DIR);
    MUST((n->mode & ~0777u) == 0 && (n->type == NODE_DIR || (n->mode & 0111) == 0));
    c->nodes++;
    c->files += n->type == NODE_FILE;
    c->bytes += n->type == NODE_FILE ? n->size : 0;
    return 0;
}

static uint64_t stage(const uint8_t *data, size_t len)
{
    struct turn *t = rig_turn(rig);
    uint64_t ino;

    MUST(node_stage(t, &(struct node_new){.type = NODE_FILE, .mode = 0600}, &ino) == 0);
    MUST(turn_checkpoint(t) == 0);
    if (len > 0)
        MUST(content_write(rig->store, ino, data, len, 0) == 0);
    return ino;
}

static void discard(uint64_t ino)
{
    struct turn *t = rig_turn(rig);

    MUST(node_discard(t, ino) == 0);
    commit(t);
    while (node_sweep(rig->store) == 1)
        ;
}

/* So that no input takes long. */
static bool enough(void *arg)
{
    return ++*(unsigned *)arg > POLLS_MAX;
}

static void check(uint64_t top, const struct zip_sum *sum)
{
    struct count c = {0};
    struct view *v = rig_view(rig);

    MUST(node_walk(v, top, count_one, &c) == 0);
    view_end(v);
    MUST(c.files == sum->files && c.bytes == sum->bytes && c.bytes <= BYTES_MAX);
    MUST(c.nodes <= NODES_MAX);
}

static void leave(void)
{
    MUST(rig_teardown((void **)&rig) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    uint64_t top;
    struct zip_sum sum;
    unsigned polls = 0;

    if (rig == NULL) {
        MUST(rig_setup((void **)&rig) == 0);
        MUST(atexit(leave) == 0);
    }
    uint64_t zip = stage(data, len);
    int err = zip_unpack(rig->store, zip, BYTES_MAX, false, enough, &polls, &top, &sum);
    if (err == 0) {
        check(top, &sum);
        discard(top);
    } else {
        MUST(err == STORE_ERR_HOSTILE || err == STORE_ERR_BUSY || err == STORE_ERR_NAME_TOO_LONG ||
             err == STORE_ERR_TOO_BIG);
    }
    discard(zip);
    return 0;
}
