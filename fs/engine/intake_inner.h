/* What the files of intake share. For them alone. */
#ifndef FS_ENGINE_INTAKE_INNER_H
#define FS_ENGINE_INTAKE_INNER_H

#include "fs/engine/intake.h"
#include "fs/engine/limits.h"
#include "fs/engine/parcel_table.h"
#include "fs/engine/plant.h"

enum intake_phase { INTAKE_HEAD, INTAKE_CHECK, INTAKE_PLANT, INTAKE_DATA };

/* A complete small file, waiting for its turn. */
struct small_file {
    uint64_t ino;
    uint8_t *data;
    size_t len;
};

/* A file of nothing but a hole, to be cut to size outside the turn that made it. */
struct intake_hole {
    uint64_t ino, size;
};

struct intake {
    struct engine *e;
    struct arrival a; /* as we last committed it */
    enum intake_phase phase;
    int failed;      /* the first error: nothing more is done then */
    const char *why; /* of a failure that is the sender's fault; NULL: it is malformed */
    uint64_t next;
    /* HEAD: what has come and is not yet in the manifest file */
    struct bytes head;
    uint64_t head_len; /* 0: not known yet */
    /* CHECK, PLANT, and the times at the end */
    struct scroll scroll;
    struct plant_sum sum;
    struct plant plant;
    struct intake_hole holes[INTAKE_ITEMS_A_TURN];
    size_t hole_count;
    struct bytes rest; /* data that came with the end of the manifest */
    bool timing;
    uint32_t timed; /* items that have their time */
    /* DATA */
    struct parcel_table table;
    uint8_t *small;    /* the small file that is being filled, or NULL */
    uint64_t small_at; /* where it begins in the parcel */
    struct small_file batch[INTAKE_BATCH_FILES_MAX];
    size_t batch_count, batch_bytes;
    uint64_t dirty[INTAKE_DIRTY_FILES_MAX];
    size_t dirty_count;
};

/* fn changes the store, and what the arrival will be: *a. A turn of its own; NOT_FOUND if the
 * arrival was withdrawn or taken up by another session. */
typedef int intake_turn_fn(struct turn *t, struct arrival *a, void *arg);
int intake_turn(struct intake *in, intake_turn_fn *fn, void *arg);

/* intake_head.c: takes what belongs to the manifest of *data; then a batch of CHECK or PLANT. */
int intake_head_take(struct intake *in, const uint8_t **data, size_t *len);
int intake_head_work(struct intake *in);

#endif
