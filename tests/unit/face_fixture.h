/* A face over a real store in a temporary directory, with engine_double.h behind it and no session
 * in front. */
#ifndef TESTS_UNIT_FACE_FIXTURE_H
#define TESTS_UNIT_FACE_FIXTURE_H

#include <ftw.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "fs/face/code_file.h"
#include "fs/face/face.h"
#include "fs/face/newdir.h"
#include "fs/face/place.h"
#include "store/content.h"
#include "store/entries.h"
#include "store/namespace.h"
#include "store/wormholes.h"
#include "tests/mount/engine_double.h"

struct fixture {
    char dir[64];
    struct store *store;
    struct face *face;
    struct engine *engine;
};

static inline void fixture_open(struct fixture *f)
{
    const struct face_options options = {.uid = 1000, .gid = 1000};
    struct engine_watch watch;
    char why[STORE_WHY_MAX];
    assert_int_equal(store_open(&f->store, f->dir, io_real(), why), 0);
    assert_int_equal(face_open(&f->face, f->store, &options), 0);
    face_watch(f->face, &watch);
    assert_int_equal(engine_double_open(&f->engine, f->store, 0, &watch), 0);
    f->face->engine = f->engine;
}

static inline void fixture_close(struct fixture *f)
{
    engine_double_close(f->engine);
    face_close(f->face);
    store_close(f->store);
}

static inline int fixture_begin(void **state)
{
    static struct fixture f;
    strcpy(f.dir, "/tmp/face-test.XXXXXX");
    if (!mkdtemp(f.dir))
        return -1;
    fixture_open(&f);
    *state = &f;
    return 0;
}

static inline int fixture_remove(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st, (void)type, (void)at;
    return remove(path);
}

static inline int fixture_end(void **state)
{
    struct fixture *f = *state;
    fixture_close(f);
    return nftw(f->dir, fixture_remove, 8, FTW_DEPTH | FTW_PHYS);
}

static inline struct turn *fixture_turn(struct fixture *f)
{
    struct turn *t;
    assert_int_equal(turn_begin(f->store, &t), 0);
    return t;
}

static inline struct view *fixture_view(struct fixture *f)
{
    struct view *v;
    assert_int_equal(view_begin(f->store, &v), 0);
    return v;
}

static inline uint64_t fixture_wormhole(struct fixture *f, const char *name)
{
    uint64_t id;
    struct turn *t = fixture_turn(f);
    assert_int_equal(engine_create(f->engine, t, name, strlen(name), false, NULL, &id), 0);
    assert_int_equal(turn_commit(t), 0);
    return id;
}

static inline struct wormhole fixture_row(struct fixture *f, uint64_t id)
{
    struct wormhole w;
    struct view *v = fixture_view(f);
    assert_int_equal(wormhole_get(v, id, &w), 0);
    view_end(v);
    return w;
}

/* The double gives codes out in its own time; after this nothing happens by itself. */
static inline void fixture_await_code(struct fixture *f, uint64_t id)
{
    while (fixture_row(f, id).code != WORMHOLE_CODE_READY)
        sched_yield();
}

/* A file (or directory) under a number of the store. */
static inline uint64_t fixture_make(struct fixture *f, uint64_t parent, const char *name,
                                    enum node_type type)
{
    const struct node_new what = {.type = type, .mode = type == NODE_DIR ? 0755 : 0644};
    uint64_t ino;
    struct turn *t = fixture_turn(f);
    assert_int_equal(name_create(t, parent, name, strlen(name), &what, &ino), 0);
    assert_int_equal(turn_commit(t), 0);
    return ino;
}

static inline struct place fixture_place(struct fixture *f, uint64_t number)
{
    struct place p;
    struct view *v = fixture_view(f);
    assert_int_equal(place_of(v, number, &p), 0);
    view_end(v);
    return p;
}

static inline int fixture_place_rc(struct fixture *f, uint64_t number)
{
    struct place p;
    struct view *v = fixture_view(f);
    int rc = place_of(v, number, &p);
    view_end(v);
    return rc;
}

static inline int fixture_child_rc(struct fixture *f, const struct place *parent, const char *name,
                                   struct place *out)
{
    struct view *v = fixture_view(f);
    int rc = place_child(v, parent, name, out);
    view_end(v);
    return rc;
}

static inline struct place fixture_child(struct fixture *f, const struct place *parent,
                                         const char *name)
{
    struct place out;
    assert_int_equal(fixture_child_rc(f, parent, name, &out), 0);
    return out;
}

static inline struct place fixture_new(struct fixture *f)
{
    struct place root = fixture_place(f, INODE_NUMBER_ROOT);
    return fixture_child(f, &root, "new");
}

#endif
