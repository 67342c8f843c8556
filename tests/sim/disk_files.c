/* The bytes of a simulated disk's files. */
#include <stdlib.h>
#include <string.h>
#include "tests/sim/disk_inner.h"
#include "tests/sim/must.h"

static void page_unref(struct disk_page *p)
{
    if (p != NULL && --p->refs == 0)
        free(p);
}

/* Room for `count` pages. */
static void grow(struct disk_bytes *b, uint64_t count)
{
    if (count <= b->count)
        return;
    uint64_t cap = b->count * 2 > count ? b->count * 2 : count;
    b->pages = must(realloc(b->pages, cap * sizeof(struct disk_page *)));
    memset(b->pages + b->count, 0, (cap - b->count) * sizeof(struct disk_page *));
    b->count = cap;
}

/* The page, for writing into it. */
static struct disk_page *own_page(struct disk_bytes *b, uint64_t i)
{
    struct disk_page *p = b->pages[i];
    if (p != NULL && p->refs == 1)
        return p;
    struct disk_page *own = must(calloc(1, sizeof *own));
    own->refs = 1;
    if (p != NULL)
        memcpy(own->bytes, p->bytes, DISK_PAGE);
    page_unref(p);
    return b->pages[i] = own;
}

void disk_bytes_release(struct disk_bytes *b)
{
    for (uint64_t i = 0; i < b->count; i++)
        page_unref(b->pages[i]);
    free(b->pages);
    *b = (struct disk_bytes){0};
}

void disk_bytes_share(struct disk_bytes *to, const struct disk_bytes *from)
{
    grow(to, from->count);
    to->size = from->size;
    for (uint64_t i = 0; i < from->count; i++)
        if ((to->pages[i] = from->pages[i]) != NULL)
            to->pages[i]->refs++;
}

static size_t piece(size_t len, uint64_t offset)
{
    size_t rest = DISK_PAGE - offset % DISK_PAGE;
    return len < rest ? len : rest;
}

void disk_bytes_read(const struct disk_bytes *b, void *buf, size_t len, uint64_t offset)
{
    uint8_t *to = buf;
    while (len > 0) {
        uint64_t i = offset / DISK_PAGE;
        size_t n = piece(len, offset);
        if (i < b->count && b->pages[i] != NULL)
            memcpy(to, b->pages[i]->bytes + offset % DISK_PAGE, n);
        else
            memset(to, 0, n);
        to += n;
        offset += n;
        len -= n;
    }
}

void disk_bytes_write(struct disk_bytes *b, const void *buf, size_t len, uint64_t offset)
{
    const uint8_t *from = buf;
    if (len > 0)
        grow(b, (offset + len - 1) / DISK_PAGE + 1);
    while (len > 0) {
        size_t n = piece(len, offset);
        memcpy(own_page(b, offset / DISK_PAGE)->bytes + offset % DISK_PAGE, from, n);
        from += n;
        offset += n;
        len -= n;
    }
    if (offset > b->size)
        b->size = offset;
}

void disk_bytes_clear(struct disk_bytes *b, uint64_t offset, uint64_t len)
{
    uint64_t end = b->count * DISK_PAGE;
    while (len > 0 && offset < end) {
        uint64_t i = offset / DISK_PAGE;
        size_t n = piece(len < DISK_PAGE ? (size_t)len : DISK_PAGE, offset);
        if (n == DISK_PAGE) {
            page_unref(b->pages[i]);
            b->pages[i] = NULL;
        } else if (b->pages[i] != NULL) {
            memset(own_page(b, i)->bytes + offset % DISK_PAGE, 0, n);
        }
        offset += n;
        len -= n;
    }
}

void disk_bytes_cut(struct disk_bytes *b, uint64_t size)
{
    if (size < b->size)
        disk_bytes_clear(b, size, UINT64_MAX - size);
    b->size = size;
}

/* One page of which an older and a newer state are known: either, or some sectors of each. */
static void lose_page(struct disk_bytes *to, uint64_t i, const struct disk_bytes *now,
                      struct dice *dice)
{
    uint8_t fresh[DISK_PAGE];
    uint64_t fate = dice_below(dice, 4);
    if (fate == 0)
        return;
    disk_bytes_read(now, fresh, DISK_PAGE, i * DISK_PAGE);
    uint8_t *old = own_page(to, i)->bytes;
    for (size_t at = 0; at < DISK_PAGE; at += DISK_SECTOR)
        if (fate != 1 || dice_below(dice, 2) == 0)
            memcpy(old + at, fresh + at, DISK_SECTOR);
}

static struct disk_page *page_at(const struct disk_bytes *b, uint64_t i)
{
    return i < b->count ? b->pages[i] : NULL;
}

void disk_file_lose(struct disk_file *f, struct dice *dice)
{
    if (!f->owes)
        return;
    struct disk_bytes left = f->safe;
    f->safe = (struct disk_bytes){0};
    grow(&left, f->now.count);
    for (uint64_t i = 0; i < f->now.count; i++)
        if (page_at(&left, i) != page_at(&f->now, i))
            lose_page(&left, i, &f->now, dice);
    uint64_t sizes[] = {left.size, f->now.size,
                        f->now.size > left.size
                            ? left.size + dice_below(dice, f->now.size - left.size + 1)
                            : left.size};
    left.size = UINT64_MAX; /* so that what is beyond is cleared */
    disk_bytes_cut(&left, sizes[dice_below(dice, 3)]);
    disk_bytes_release(&f->now);
    f->now = left;
    disk_bytes_share(&f->safe, &f->now);
    disk_bytes_release(&f->doomed);
    f->owes = false;
}

void disk_file_doom(struct disk_file *f)
{
    if (!f->owes)
        return;
    disk_bytes_release(&f->doomed);
    disk_bytes_share(&f->doomed, &f->now);
}

/* A page that was written since is another: `doomed` has the old one, too, so it was copied. */
static bool is_doomed(const struct disk_file *f, uint64_t i)
{
    const struct disk_page *now = page_at(&f->now, i);
    return now != NULL && now == page_at(&f->doomed, i) && now != page_at(&f->safe, i);
}

void disk_file_sync(struct disk_file *f)
{
    if (!f->owes)
        return;
    struct disk_bytes next = {0};
    disk_bytes_share(&next, &f->now);
    f->owes = false;
    for (uint64_t i = 0; i < next.count; i++) {
        if (!is_doomed(f, i))
            continue;
        f->owes = true;
        page_unref(next.pages[i]);
        next.pages[i] = page_at(&f->safe, i);
        if (next.pages[i] != NULL)
            next.pages[i]->refs++;
    }
    disk_bytes_release(&f->safe);
    f->safe = next;
    if (!f->owes)
        disk_bytes_release(&f->doomed);
}

void disk_file_unref(struct disk_file *f)
{
    if (f == NULL || --f->refs > 0)
        return;
    disk_bytes_release(&f->now);
    disk_bytes_release(&f->safe);
    disk_bytes_release(&f->doomed);
    free(f);
}
