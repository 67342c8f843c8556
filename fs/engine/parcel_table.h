/* Which file lies behind which offset of a listed parcel, from its manifest file (parcel.h). A
 * window moves over the manifest; marks at every so many items find the place to look, so the
 * memory that it takes does not grow with the tree. Its thread's own; no turn open for any of
 * these. */
#ifndef FS_ENGINE_PARCEL_TABLE_H
#define FS_ENGINE_PARCEL_TABLE_H

#include "fs/engine/scroll.h"

/* Where data goes or comes from: an extent of a file. */
struct parcel_extent {
    uint64_t at;     /* in the parcel */
    uint64_t ino;    /* 0: an item that was not made here; its bytes are dropped */
    uint64_t offset; /* in the file */
    uint64_t len;
    uint64_t file_size;
    bool last; /* of its file */
};

enum { PARCEL_TABLE_INOS = 512 };

struct parcel_table {
    uint64_t size;       /* of the parcel */
    uint64_t data_start; /* 4 + manifest length */
    uint64_t files;      /* regular ones, each once */
    uint32_t items;
    /* For parcel_table.c: */
    struct scroll scroll;
    struct scroll_mark *marks;
    size_t mark_count;
    struct manifest_item item; /* that the window is at; .kind 0: at none */
    uint64_t item_at;          /* its next extent, in the parcel */
    uint64_t item_ino;
    uint32_t item_extent;
    struct parcel_extent extent; /* the last that was asked for; .len 0: none */
    uint64_t inos[PARCEL_TABLE_INOS];
    uint32_t inos_first;
    size_t inos_count;
};

/* Reads a manifest file. CORRUPT if it is not what parcel_list or intake wrote. A zeroed table is
 * an empty one. */
int parcel_table_load(struct parcel_table *t, struct store *s, uint64_t manifest_ino);
void parcel_table_release(struct parcel_table *t);
/* The extent that `offset` lies in. 1; 0: it is before the data, or not before the end; CORRUPT,
 * IO. */
int parcel_table_at(struct parcel_table *t, uint64_t offset, struct parcel_extent *out);

#endif
