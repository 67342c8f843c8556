#include "store/reserve.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include "store/limits.h"

enum { PIECE_BYTES = 16 << 10 };

static const char reserve_path[] = "reserve";

/* Twice over, or it would swing between made and spent around the last free megabytes. */
static bool room(const struct reserve *r)
{
    struct statvfs st;
    if (io_statvfs(r->io, r->dir, &st))
        return false;
    return (uint64_t)st.f_bavail * st.f_frsize >= 2 * (uint64_t)RESERVE_BYTES;
}

/* Where there is no fallocate (NFS before 4.2, eCryptfs, ext3): bytes that no compression makes
 * less. */
static int fill(const struct io *io, const struct io_file *f)
{
    uint8_t piece[PIECE_BYTES];
    int rc = 0;
    for (uint64_t at = 0; rc == 0 && at < RESERVE_BYTES; at += sizeof piece) {
        randombytes_buf(piece, sizeof piece);
        rc = io_pwrite(io, f, piece, sizeof piece, at);
    }
    return rc ? rc : io_sync(io, f);
}

/* fallocate really takes the blocks; a file of zeros could be a hole on some file systems. */
static int take(const struct io *io, const struct io_file *f)
{
    int rc = io_allocate(io, f, 0, RESERVE_BYTES);
    return rc == -EOPNOTSUPP || rc == -ENOSYS ? fill(io, f) : rc;
}

static bool make(struct reserve *r)
{
    struct io_file f;
    if (!room(r) || io_open(r->io, r->dir, reserve_path, O_RDWR | O_CREAT, &f))
        return false;
    bool made = take(r->io, &f) == 0;
    io_close(&f);
    if (!made)
        io_unlink(r->io, r->dir, reserve_path);
    return made;
}

static bool is_there(const struct reserve *r)
{
    struct stat st;
    if (io_stat(r->io, r->dir, reserve_path, &st))
        return false;
    /* Some file systems do not count blocks; there it was filled. */
    return (uint64_t)st.st_blocks * 512 >= RESERVE_BYTES ||
           (st.st_blocks == 0 && st.st_size >= RESERVE_BYTES);
}

void reserve_init(struct reserve *r, const struct io *io, int dir)
{
    *r = (struct reserve){.io = io, .dir = dir};
    r->held = is_there(r) || make(r);
}

bool reserve_spend(struct reserve *r)
{
    if (!r->held)
        return false;
    r->held = false;
    r->tried_ms = io_now_ns(r->io) / 1000000;
    return io_unlink(r->io, r->dir, reserve_path) == 0;
}

bool reserve_restore(struct reserve *r, bool room_was_made)
{
    if (r->held)
        return true;
    int64_t now_ms = io_now_ns(r->io) / 1000000;
    bool recently = now_ms >= r->tried_ms && now_ms - r->tried_ms < RESERVE_RETRY_MS;
    if (recently && !room_was_made)
        return false;
    r->tried_ms = now_ms;
    r->held = make(r);
    return r->held;
}
