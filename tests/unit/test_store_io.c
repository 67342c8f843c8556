/* The gate through which every touch of a file goes, and the VFS that sends SQLite through it. */
#include <fcntl.h>
#include <sys/syscall.h>
#include "store_rig.h"
#include "store/core.h"

static int verdict;
static size_t cut_to;

static int before(void *arg, struct io_call *call)
{
    (void)arg;
    if (call->op == IO_WRITE && cut_to < call->len)
        call->len = cut_to;
    return verdict;
}

static struct io_file open_here(const struct io *io, int *dir, char *path)
{
    struct io_file f;
    strcpy(path, "/tmp/store-io-XXXXXX");
    assert_non_null(mkdtemp(path));
    *dir = open(path, O_RDONLY | O_DIRECTORY);
    assert_true(*dir >= 0);
    assert_int_equal(io_open(io, *dir, "f", O_RDWR | O_CREAT, &f), 0);
    return f;
}

static void close_here(const struct io *io, int dir, struct io_file *f, const char *path)
{
    io_close(f);
    assert_int_equal(io_unlink(io, dir, "f"), 0);
    close(dir);
    rmdir(path);
}

static void test_verdicts(void **state)
{
    (void)state;
    const struct io io = {.before = before};
    char path[32], buf[8] = "";
    int dir;
    verdict = IO_GO;
    cut_to = SIZE_MAX;
    struct io_file f = open_here(&io, &dir, path);
    assert_int_equal(io_pwrite(&io, &f, "abcdef", 6, 0), 0);
    verdict = -ENOSPC;
    assert_int_equal(io_pwrite(&io, &f, "xxxxxx", 6, 0), -ENOSPC);
    assert_int_equal(io_sync(&io, &f), -ENOSPC);
    verdict = IO_DROP;
    assert_int_equal(io_pwrite(&io, &f, "yyyyyy", 6, 0), 0);
    assert_int_equal(io_truncate(&io, &f, 0), 0);
    verdict = IO_GO;
    assert_int_equal(io_pread(&io, &f, buf, 8, 0), 6);
    assert_string_equal(buf, "abcdef");
    cut_to = 2;
    assert_int_equal(io_pwrite(&io, &f, "zzzzzz", 6, 0), -EIO);
    assert_int_equal(io_pread(&io, &f, buf, 8, 0), 6);
    assert_string_equal(buf, "zzcdef");
    close_here(&io, dir, &f, path);
}

static void test_errors_are_mapped(void **state)
{
    (void)state;
    assert_int_equal(io_error(-ENOSPC), STORE_ERR_NOSPACE);
    assert_int_equal(io_error(-EDQUOT), STORE_ERR_QUOTA);
    assert_int_equal(io_error(-EIO), STORE_ERR_IO);
    assert_int_equal(io_error(-EACCES), STORE_ERR_ACCESS);
    assert_int_equal(io_error(-EMFILE), STORE_ERR_FILES);
    assert_int_equal(io_error(-ENFILE), STORE_ERR_FILES);
    assert_int_equal(io_error(-EOPNOTSUPP), STORE_ERR_UNSUPPORTED);
    assert_int_equal(io_error(0), 0);
    assert_int_equal(io_open(io_real(), AT_FDCWD, "/nonexistent/x", O_RDONLY, &(struct io_file){0}),
                     -ENOENT);
}

static void test_boot_id_and_clock_are_real(void **state)
{
    (void)state;
    char id[IO_BOOT_ID_MAX], again[IO_BOOT_ID_MAX];
    assert_int_equal(io_boot_id(io_real(), id), 0);
    assert_int_equal(io_boot_id(io_real(), again), 0);
    assert_int_equal(strlen(id), 36);
    assert_string_equal(id, again);
    assert_true(io_now_ns(io_real()) > INT64_C(1600000000) * 1000000000);
}

static int count_name(void *arg, const char *name)
{
    assert_string_equal(name, "f");
    return ++*(int *)arg == 1 ? 0 : 7;
}

static void test_list_and_seek(void **state)
{
    (void)state;
    const struct io *io = io_real();
    char path[32];
    int dir, count = 0;
    struct io_file f = open_here(io, &dir, path);
    assert_int_equal(io_list(io, dir, ".", count_name, &count), 0);
    assert_int_equal(count, 1);
    assert_int_equal(io_list(io, dir, ".", count_name, &count), 7);
    assert_int_equal(io_pwrite(io, &f, "x", 1, 1 << 20), 0);
    assert_int_equal(io_seek(io, &f, 2 << 20, SEEK_DATA), -ENXIO);
    assert_true(io_seek(io, &f, 0, SEEK_DATA) > 0);
    struct io_file second;
    assert_int_equal(io_lock(io, &f), 0);
    assert_int_equal(io_open(io, dir, "f", O_RDWR, &second), 0);
    assert_int_equal(io_lock(io, &second), -EWOULDBLOCK);
    io_close(&second);
    close_here(io, dir, &f, path);
}

/* Which of the journal's calls the hook has seen, and whether one had no relative path. */
static unsigned seen_ops;
static bool seen_absolute;

static void note(void *arg, const struct io_call *call)
{
    (void)arg;
    if (!strstr(call->path, "journal.sqlite"))
        return;
    seen_ops |= OPS(call->op);
    seen_absolute = seen_absolute || call->path[0] == '/';
}

static void test_the_journal_passes_the_gate(void **state)
{
    struct rig *r = *state;
    seen_ops = 0;
    r->faults.watch = note;
    rig_make(r, r->outbox, "f", NODE_FILE);
    assert_true(seen_ops & OPS(IO_WRITE));
    assert_true(seen_ops & OPS(IO_SYNC));
    rig_reopen(r);
    r->faults.watch = NULL;
    assert_true(seen_ops & OPS(IO_OPEN));
    assert_true(seen_ops & OPS(IO_UNLINK)); /* the WAL, at the clean end */
    assert_false(seen_absolute);
}

static int spool_made, spool_synced;

static void note_spool(void *arg, const struct io_call *call)
{
    (void)arg;
    if (call->op == IO_MKDIR && strcmp(call->path, "spool") == 0)
        spool_made++;
    if (call->op == IO_SYNC_DIR && strcmp(call->path, ".") == 0)
        spool_synced = spool_made;
}

/* Whose name is lost, has lost all that is in it. */
static void test_the_spools_name_is_durable(void **state)
{
    struct rig *r = *state;
    spool_made = spool_synced = 0;
    r->faults.watch = note_spool;
    rig_reopen(r);
    r->faults.watch = NULL;
    assert_int_equal(spool_made, 1);
    assert_int_equal(spool_synced, 1);
}

static int voided; /* 1: the WAL's header was overwritten; 2: and synced; 3: and then cut */

static void note_void(void *arg, const struct io_call *call)
{
    (void)arg;
    if (strstr(call->path, "-wal") == NULL)
        return;
    if (call->op == IO_WRITE)
        voided = call->offset == 0 && call->len == 32 ? 1 : 0;
    else if (call->op == IO_SYNC && voided == 1)
        voided = 2;
    else if (call->op == IO_TRUNCATE && call->offset == 0)
        voided = voided == 2 ? 3 : -1;
}

/* Else a part of it could come back after a power cut, and be believed. */
static void test_the_wal_is_void_before_it_is_emptied(void **state)
{
    struct rig *r = *state;
    rig_make(r, r->outbox, "f", NODE_FILE);
    voided = 0;
    r->faults.watch = note_void;
    assert_int_equal(sqlite3_wal_checkpoint_v2(r->store->write_view.db, NULL,
                                               SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL),
                     SQLITE_OK);
    r->faults.watch = NULL;
    assert_int_equal(voided, 3);
    rig_reopen(r);
    assert_true(rig_lookup(r, r->outbox, "f") != 0);
}

enum { FRAME_BYTES = 24 + CORE_PAGE_BYTES }; /* of the WAL */

static unsigned frames, other_wal_writes;

static void note_frames(void *arg, const struct io_call *call)
{
    (void)arg;
    if (call->op != IO_WRITE || strstr(call->path, "-wal") == NULL || call->offset == 0)
        return;
    bool whole = call->len == FRAME_BYTES && (call->offset - 32) % FRAME_BYTES == 0;
    frames += whole;
    other_wal_writes += !whole;
}

static void test_a_frame_of_the_journal_is_one_write(void **state)
{
    struct rig *r = *state;
    frames = other_wal_writes = 0;
    r->faults.watch = note_frames;
    for (int i = 0; i < 20; i++) {
        char name[16];
        snprintf(name, sizeof name, "f%d", i);
        rig_make(r, r->outbox, name, NODE_FILE);
    }
    assert_true(frames >= 20);
    assert_int_equal(other_wal_writes, 0);
    r->faults.watch = NULL;
    rig_reopen(r);
    struct view *v = rig_view(r);
    uint64_t ino;
    assert_int_equal(node_lookup(v, r->outbox, "f19", 3, &ino), 0);
    view_end(v);
}

static int interruptions;

/* In the C library's place. */
int fallocate(int fd, int mode, off_t offset, off_t len)
{
    if (interruptions > 0) {
        interruptions--;
        errno = EINTR;
        return -1;
    }
    return (int)syscall(SYS_fallocate, fd, mode, offset, len);
}

static void test_a_signal_does_not_end_an_allocation(void **state)
{
    char path[32];
    int dir;
    const struct io *io = io_real();
    struct io_file f = open_here(io, &dir, path);
    (void)state;
    interruptions = 3;
    assert_int_equal(io_allocate(io, &f, 0, 4096), 0);
    assert_int_equal(interruptions, 0);
    interruptions = 3;
    assert_int_equal(io_punch(io, &f, 0, 4096), 0);
    assert_int_equal(interruptions, 0);
    close_here(io, dir, &f, path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_errors_are_mapped),
        cmocka_unit_test(test_boot_id_and_clock_are_real),
        cmocka_unit_test(test_list_and_seek),
        cmocka_unit_test(test_a_signal_does_not_end_an_allocation),
        rig_test(test_the_journal_passes_the_gate),
        rig_test(test_the_spools_name_is_durable),
        rig_test(test_the_wal_is_void_before_it_is_emptied),
        rig_test(test_a_frame_of_the_journal_is_one_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
