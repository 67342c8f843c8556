#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fs/log.h"

/* Runs with stderr going into a pipe; what came is in `said`. */
struct capture {
    int saved;
    int pipe[2];
};

static void capture_begin(struct capture *c)
{
    assert_int_equal(pipe(c->pipe), 0);
    c->saved = dup(STDERR_FILENO);
    assert_true(c->saved >= 0);
    assert_true(dup2(c->pipe[1], STDERR_FILENO) >= 0);
    close(c->pipe[1]);
}

static void capture_end(struct capture *c, char *said, size_t cap)
{
    size_t len = 0;
    ssize_t got;

    assert_true(dup2(c->saved, STDERR_FILENO) >= 0);
    close(c->saved);
    while (len + 1 < cap && (got = read(c->pipe[0], said + len, cap - 1 - len)) > 0)
        len += (size_t)got;
    said[len] = '\0';
    close(c->pipe[0]);
}

static void start(bool to_stderr, bool verbose)
{
    log_start(&(struct log_options){.name = "test", .to_stderr = to_stderr, .verbose = verbose});
}

static void a_line_is_one_line(void **state)
{
    struct capture c;
    char said[4096];

    (void)state;
    capture_begin(&c);
    start(true, false);
    log_error("a name: %s", "x\ny\033[31m\x7f \xc3\xa9");
    capture_end(&c, said, sizeof(said));
    assert_string_equal(said, "mount.wormholefs: a name: x?y?[31m? \xc3\xa9\n");
}

static void debug_is_shown_only_when_verbose(void **state)
{
    struct capture c;
    char said[4096];

    (void)state;
    capture_begin(&c);
    start(true, false);
    log_debug("one");
    log_notice("two");
    start(true, true);
    log_debug("three");
    capture_end(&c, said, sizeof(said));
    assert_string_equal(said, "mount.wormholefs: two\nmount.wormholefs: three\n");
}

static void nothing_goes_to_a_stderr_that_was_left(void **state)
{
    struct capture c;
    char said[4096];

    (void)state;
    capture_begin(&c);
    start(true, false);
    log_warning("before");
    log_leave_stderr();
    log_warning("after");
    start(false, false);
    log_error("never");
    capture_end(&c, said, sizeof(said));
    assert_string_equal(said, "mount.wormholefs: before\n");
}

static void what_is_too_long_is_cut(void **state)
{
    struct capture c;
    static char said[8192], line[4000];

    (void)state;
    memset(line, 'x', sizeof(line) - 1);
    capture_begin(&c);
    start(true, false);
    log_error("%s", line);
    capture_end(&c, said, sizeof(said));
    assert_int_equal(strlen(said), strlen("mount.wormholefs: ") + LOG_LINE_MAX - 1 + 1);
    assert_int_equal(said[strlen(said) - 1], '\n');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_one_line),
        cmocka_unit_test(debug_is_shown_only_when_verbose),
        cmocka_unit_test(nothing_goes_to_a_stderr_that_was_left),
        cmocka_unit_test(what_is_too_long_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
