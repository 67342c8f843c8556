#include "fs/engine/parcel_table.h"

#include <stdlib.h>
#include <string.h>

enum { ITEMS_A_MARK = 1024, MARKS_AT_ONCE = 64 };

/* ---- loading ---- */

static int set_mark(struct parcel_table *t)
{
    if (t->mark_count % MARKS_AT_ONCE == 0) {
        struct scroll_mark *marks =
            realloc(t->marks, (t->mark_count + MARKS_AT_ONCE) * sizeof *marks);
        if (marks == NULL)
            return STORE_ERR_NOMEM;
        t->marks = marks;
    }
    t->marks[t->mark_count++] = scroll_mark(&t->scroll);
    return 0;
}

/* Through all of it once: every rule is checked here. */
static int survey(struct parcel_table *t)
{
    struct manifest_item item;
    int more = 1;
    while (more == 1) {
        int err = t->items % ITEMS_A_MARK == 0 ? set_mark(t) : 0;
        more = err < 0 ? err : scroll_next(&t->scroll, &item);
        if (more != 1)
            break;
        t->items++;
        if (item.kind == MANIFEST_FILE) {
            t->files++;
            t->size += item.data_len;
        }
    }
    return more < 0 ? more : scroll_check_end(&t->scroll, t->items);
}

int parcel_table_load(struct parcel_table *t, struct store *s, uint64_t manifest_ino)
{
    *t = (struct parcel_table){0};
    int err = scroll_open(&t->scroll, s, manifest_ino);
    t->data_start = t->size = t->scroll.end;
    if (err == 0)
        err = survey(t);
    if (err == STORE_ERR_HOSTILE || err == STORE_ERR_TOO_BIG)
        err = STORE_ERR_CORRUPT;
    if (err < 0)
        parcel_table_release(t);
    else
        manifest_parser_release(&t->scroll.parser);
    return err;
}

void parcel_table_release(struct parcel_table *t)
{
    scroll_release(&t->scroll);
    free(t->marks);
    *t = (struct parcel_table){0};
}

/* ---- the window ---- */

static int ino_of(struct parcel_table *t, uint32_t index, uint64_t *ino)
{
    if (index < t->inos_first || index >= t->inos_first + t->inos_count) {
        size_t left = t->items - index;
        size_t count = left < PARCEL_TABLE_INOS ? left : PARCEL_TABLE_INOS;
        t->inos_count = 0;
        int err = scroll_inos(&t->scroll, index, t->inos, count);
        if (err < 0)
            return err;
        t->inos_first = index;
        t->inos_count = count;
    }
    *ino = t->inos[index - t->inos_first];
    return 0;
}

static int next_file(struct parcel_table *t)
{
    int more;
    do
        more = scroll_next(&t->scroll, &t->item);
    while (more == 1 && (t->item.kind != MANIFEST_FILE || t->item.extent_count == 0));
    t->item_extent = 0;
    if (more != 1) {
        t->item.extent_count = 0;
        return more == STORE_ERR_HOSTILE ? STORE_ERR_CORRUPT : more;
    }
    t->item_at = t->data_start + t->item.data_offset;
    int err = ino_of(t, t->item.index, &t->item_ino);
    return err < 0 ? err : 1;
}

/* 1; 0: there are no more. */
static int next_extent(struct parcel_table *t)
{
    if (t->item_extent == t->item.extent_count) {
        int more = next_file(t);
        if (more != 1)
            return more;
    }
    struct parcel_extent *e = &t->extent;
    manifest_extent(&t->item, t->item_extent++, &e->offset, &e->len);
    e->at = t->item_at;
    e->ino = t->item_ino;
    e->file_size = t->item.size;
    e->last = t->item_extent == t->item.extent_count;
    t->item_at += e->len;
    return 1;
}

/* The last mark before whose item all data lies before `offset`. */
static const struct scroll_mark *mark_before(const struct parcel_table *t, uint64_t offset)
{
    size_t low = 0, high = t->mark_count;
    while (high - low > 1) {
        size_t mid = low + (high - low) / 2;
        if (t->data_start + t->marks[mid].data <= offset)
            low = mid;
        else
            high = mid;
    }
    return &t->marks[low];
}

static bool is_in(const struct parcel_extent *e, uint64_t offset)
{
    return offset >= e->at && offset - e->at < e->len;
}

/* Backwards, or so far ahead that a mark is nearer. */
static void move_window(struct parcel_table *t, uint64_t offset)
{
    const struct scroll_mark *mark = mark_before(t, offset);
    if (t->extent.len > 0 && offset >= t->extent.at && mark->index <= t->item.index)
        return;
    scroll_go(&t->scroll, mark);
    t->item.extent_count = t->item_extent = 0;
}

int parcel_table_at(struct parcel_table *t, uint64_t offset, struct parcel_extent *out)
{
    if (offset < t->data_start || offset >= t->size)
        return 0;
    if (!is_in(&t->extent, offset)) {
        move_window(t, offset);
        int more;
        do
            more = next_extent(t);
        while (more == 1 && !is_in(&t->extent, offset));
        if (more != 1) {
            t->extent.len = 0;
            return more < 0 ? more : STORE_ERR_CORRUPT;
        }
    }
    *out = t->extent;
    return 1;
}
