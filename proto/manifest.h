/* The manifest of a parcel (PROTOCOL.md §9.2): what one entry consists of, apart from the data of
 * its files. Items come depth first, the names of a directory ascending (memcmp), so a parser needs
 * to remember one path only, and no name can come twice.
 *
 *     u8(1) ‖ u32(items), then each item:
 *     u8(kind) ‖ u32(parent index) ‖ u16+name ‖ u16(mode) ‖ i64(mtime s) ‖ u32(mtime ns)
 *       ‖ u16(xattrs) ‖ xattrs, names ascending: u16+name ‖ u32+value
 *     file:      u64(size) ‖ u32(extents) ‖ extents: u64(offset) ‖ u64(length)
 *     symlink:   u16+target
 *     hard link: u32(index of an earlier file)
 *
 * The first item is the top, with parent index 0. Builder and parser enforce the same rules. */
#ifndef PROTO_MANIFEST_H
#define PROTO_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "bytes.h"

enum {
    MANIFEST_ITEMS_MAX = 1000000,
    MANIFEST_LEN_MAX = 64 << 20,
    MANIFEST_NAME_MAX = 255,
    MANIFEST_TARGET_MAX = 4095,
    MANIFEST_XATTRS_MAX = 64 << 10, /* bytes of names and values of one item */
    MANIFEST_XATTR_NAME_MAX = 255,
    MANIFEST_EXTENTS_MAX = 4096,
    MANIFEST_DEPTH_MAX = 128, /* of an item; the top has depth 0 */
    MANIFEST_MODE_MASK = 0777,
    MANIFEST_ITEM_MAX = 256 << 10, /* no item is longer */
    MANIFEST_HEADER_LEN = 5,
};

enum manifest_kind {
    MANIFEST_FILE = 1,
    MANIFEST_DIR = 2,
    MANIFEST_SYMLINK = 3,
    MANIFEST_HARDLINK = 4,
};

struct manifest_item {
    enum manifest_kind kind;
    uint32_t parent; /* index of its directory; 0 for the top */
    const uint8_t *name;
    size_t name_len;
    uint16_t mode; /* within MANIFEST_MODE_MASK */
    int64_t mtime_s;
    uint32_t mtime_ns;     /* below 10^9 */
    const uint8_t *xattrs; /* as on the wire: manifest_put_xattr, manifest_next_xattr */
    size_t xattrs_len;
    uint16_t xattr_count;   /* 0 for a hard link */
    uint64_t size;          /* FILE: at most INT64_MAX */
    const uint8_t *extents; /* FILE: as on the wire: manifest_put_extent, manifest_extent */
    uint32_t extent_count;  /* FILE */
    const uint8_t *target;  /* SYMLINK: not empty, no NUL */
    size_t target_len;
    uint32_t original; /* HARDLINK: index of the file */
    /* Set by the parser and by manifest_add, not on the wire: */
    uint32_t index;
    unsigned depth;
    uint64_t data_offset; /* FILE: where its data begins, counted from the end of the manifest */
    uint64_t data_len;    /* FILE: sum of its extents */
};

/* The directory path that the items are on. For manifest.c. */
struct manifest_level {
    uint32_t index;
    uint16_t last_len; /* of the last name in it, 0 before the first */
    uint8_t last[MANIFEST_NAME_MAX];
};
struct manifest_walk {
    uint32_t count; /* items so far */
    unsigned depth; /* levels in use */
    struct manifest_level level[MANIFEST_DEPTH_MAX];
    struct bytes files; /* bit i: item i is a file */
    uint64_t data;      /* data bytes of the files so far */
};

/* ---- building ---- */
struct manifest_builder {
    struct bytes *out;
    size_t start;   /* of the manifest in `out` */
    uint64_t taken; /* bytes of it that the caller has taken away */
    struct manifest_walk walk;
};

/* Begins a manifest at the end of *out, which must outlive the builder. */
void manifest_builder_init(struct manifest_builder *b, struct bytes *out);
void manifest_builder_release(struct manifest_builder *b); /* leaves *out alone */
/* PROTO_ERR_INVALID if a rule is broken (order, name, mode, extents, …), PROTO_ERR_TOO_BIG beyond a
 * bound, PROTO_ERR_NOMEM; nothing is appended then. */
int manifest_add(struct manifest_builder *b, struct manifest_item *item);
/* Between two items: what *out has of the manifest has been stored elsewhere and is dropped; the
 * builder goes on behind it. The header is then the caller's to complete (manifest_put_header). */
void manifest_taken(struct manifest_builder *b);
void manifest_put_header(uint8_t out[static MANIFEST_HEADER_LEN], uint32_t items);
/* Completes it: PROTO_ERR_INVALID without any item. *data_len: of all files together. */
int manifest_finish(struct manifest_builder *b, uint32_t *items, uint64_t *data_len);
/* Append to an item's lists, in ascending order. */
void manifest_put_xattr(struct bytes *out, const void *name, size_t name_len, const void *value,
                        size_t value_len);
void manifest_put_extent(struct bytes *out, uint64_t offset, uint64_t length);

/* ---- parsing ---- */
struct manifest_parser {
    uint64_t left;  /* bytes of the manifest that were not consumed yet */
    uint32_t items; /* 0 until the header was parsed */
    struct manifest_walk walk;
};

/* A manifest of `len` bytes. PROTO_ERR_TOO_BIG. */
int manifest_parser_init(struct manifest_parser *p, uint64_t len);
void manifest_parser_release(struct manifest_parser *p);
/* Parses the next item from the `len` bytes at `data`, which continue where the last call stopped;
 * *used says how many it took. 1: *item is set and points into `data`. 0: that was the last one,
 * and the manifest ends exactly there. PROTO_ERR_AGAIN: give it more bytes, MANIFEST_ITEM_MAX are
 * always enough; *used is 0. PROTO_ERR_MALFORMED, PROTO_ERR_TOO_BIG: refuse the parcel.
 * PROTO_ERR_NOMEM. */
int manifest_next(struct manifest_parser *p, const void *data, size_t len, size_t *used,
                  struct manifest_item *item);

/* The same for one item anywhere in a manifest that was parsed before, without the items before it:
 * .index, .depth and .data_offset are not set. `data` begins with the item. 1, PROTO_ERR_AGAIN (as
 * above, the `len` bytes not being the end), PROTO_ERR_MALFORMED. */
int manifest_skim(const void *data, size_t len, size_t *used, struct manifest_item *item);

struct manifest_xattr {
    const uint8_t *name;
    size_t name_len;
    const uint8_t *value;
    size_t value_len;
};
/* Walks the xattrs of a parsed item: *at is 0 before the first. False after the last. */
bool manifest_next_xattr(const struct manifest_item *item, size_t *at, struct manifest_xattr *x);
/* Extent `i` (below extent_count) of a parsed item. */
void manifest_extent(const struct manifest_item *item, uint32_t i, uint64_t *offset,
                     uint64_t *length);

/* ---- rules that others need ---- */
/* 1..MANIFEST_NAME_MAX bytes, no '/' and no NUL, not "." and not "..". */
bool manifest_name_ok(const void *name, size_t len);
/* May it travel: "user." and something, at most MANIFEST_XATTR_NAME_MAX bytes, no NUL, not below
 * "user.wormhole." or "user.xdg.". */
bool manifest_xattr_name_ok(const void *name, size_t len);
/* Does a symlink at `depth` stay inside its entry, whatever the other symlinks of the entry are? It
 * must be relative and go up, at most to the top, only before it first goes down: ".." after a name
 * could leave through another symlink. At depth 0 it may name what is beside it. */
bool manifest_target_stays(unsigned depth, const void *target, size_t len);

#endif
