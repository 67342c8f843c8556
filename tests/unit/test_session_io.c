/* fs/face/session_io.h: the reply to FUSE_INIT carries the promise, later replies are left alone.
 */
#define FUSE_USE_VERSION 312
#include <fuse3/fuse_lowlevel.h>

#include <linux/fuse.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "fs/face/session_io.h"

static void init(void *arg, struct fuse_conn_info *conn)
{
    (void)arg, (void)conn;
    session_io_init_replies();
}

static void getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    const struct stat st = {.st_ino = ino, .st_mode = S_IFDIR};
    (void)fi;
    fuse_reply_attr(req, &st, 0);
}

/* Plays the kernel: one request, one reply. */
static size_t ask(struct fuse_session *session, int kernel, const void *request, size_t len,
                  void *reply, size_t cap)
{
    struct fuse_buf buf = {0};
    assert_int_equal(write(kernel, request, len), len);
    assert_true(fuse_session_receive_buf(session, &buf) > 0);
    fuse_session_process_buf(session, &buf);
    free(buf.mem);
    ssize_t count = read(kernel, reply, cap);
    assert_true(count > 0);
    return (size_t)count;
}

static void the_promise_is_made_once(void **state)
{
    static const struct fuse_lowlevel_ops ops = {.init = init, .getattr = getattr};
    struct {
        struct fuse_in_header header;
        struct fuse_init_in in;
    } hello = {{.len = sizeof hello, .opcode = FUSE_INIT, .unique = 2},
               {.major = FUSE_KERNEL_VERSION,
                .minor = FUSE_KERNEL_MINOR_VERSION,
                .max_readahead = 65536,
                .flags = FUSE_BIG_WRITES}};
    struct {
        struct fuse_in_header header;
        struct fuse_getattr_in in;
    } question = {{.len = sizeof question, .opcode = FUSE_GETATTR, .unique = 4, .nodeid = 1}, {0}};
    union {
        struct {
            struct fuse_out_header header;
            struct fuse_init_out out;
        } init;
        struct {
            struct fuse_out_header header;
            struct fuse_attr_out out;
        } attr;
        char bytes[4096];
    } reply;
    char path[32];
    char *argv[] = {(char[]){"test"}, NULL};
    struct fuse_args args = FUSE_ARGS_INIT(1, argv);
    int pair[2];
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
    snprintf(path, sizeof path, "/dev/fd/%d", pair[1]);
    struct fuse_session *session = fuse_session_new(&args, &ops, sizeof ops, NULL);
    assert_non_null(session);
    assert_int_equal(fuse_session_mount(session, path), 0);
    assert_int_equal(session_io_install(session), 0);

    ask(session, pair[0], &hello, sizeof hello, &reply, sizeof reply);
    assert_int_equal(reply.init.header.error, 0);
    assert_true(reply.init.out.flags & FUSE_HANDLE_KILLPRIV_V2);
    size_t len = ask(session, pair[0], &question, sizeof question, &reply, sizeof reply);
    assert_int_equal(len, sizeof reply.attr);
    assert_int_equal(reply.attr.out.attr.ino, 1);
    assert_int_equal(reply.attr.out.attr.mode, S_IFDIR);
    assert_int_equal(reply.attr.out.attr.flags, 0);

    fuse_session_destroy(session);
    close(pair[0]);
    fuse_opt_free_args(&args);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_promise_is_made_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
