/* What needs root is skipped without it. */
#include <grp.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fs/identity.h"

static char why[IDENTITY_WHY_MAX];

static void we_are_who_we_are(void **state)
{
    struct identity id;

    (void)state;
    assert_int_equal(setenv("HOME", "/somewhere", 1), 0);
    assert_int_equal(identity_find(&id, "", why), 0);
    assert_int_equal(id.uid, getuid());
    assert_int_equal(id.gid, getgid());
    assert_string_equal(id.home, "/somewhere");
    assert_false(id.other);
}

static void without_home_the_passwd_entry_counts(void **state)
{
    const struct passwd *entry = getpwuid(getuid());
    struct identity id;

    (void)state;
    if (!entry)
        return; /* not here: cmocka 1.1.5 would write "not ok" for a skip */
    unsetenv("HOME");
    assert_int_equal(identity_find(&id, "", why), 0);
    assert_string_equal(id.home, entry->pw_dir);
    setenv("HOME", "relative", 1);
    assert_int_equal(identity_find(&id, "", why), 0);
    assert_string_equal(id.home, entry->pw_dir);
}

static void an_unknown_user_is_named(void **state)
{
    struct identity id;

    (void)state;
    assert_int_equal(identity_find(&id, "no such user", why), -1);
    assert_non_null(strstr(why, "no such user"));
}

static void only_root_may_be_somebody_else(void **state)
{
    struct identity id;

    (void)state;
    if (geteuid() == 0)
        return; /* not here: cmocka 1.1.5 would write "not ok" for a skip */
    assert_int_equal(identity_find(&id, "root", why), -1);
    assert_non_null(strstr(why, "only root"));
}

static void naming_ourselves_changes_nothing(void **state)
{
    const struct passwd *entry = getpwuid(getuid());
    struct identity id;

    (void)state;
    if (!entry)
        return; /* not here: cmocka 1.1.5 would write "not ok" for a skip */
    assert_int_equal(identity_find(&id, entry->pw_name, why), 0);
    assert_false(id.other);
    assert_int_equal(identity_assume(&id, why), 0);
    assert_int_equal(identity_become(&id, why), 0);
    assert_int_equal(geteuid(), id.uid);
}

/* In children; they return the number of the step that failed, 0 if none did. */
static int assume(const struct identity *id)
{
    if (identity_assume(id, why) < 0 || geteuid() != id->uid || getegid() != id->gid)
        return 1;
    return getuid() == 0 ? 0 : 2;
}

static int become(const struct identity *id)
{
    gid_t groups[64];

    if (identity_become(id, why) < 0 || getuid() != id->uid || geteuid() != id->uid)
        return 3;
    if (getgid() != id->gid || getegid() != id->gid)
        return 4;
    int count = getgroups(64, groups);
    for (int i = 0; i < count; i++)
        if (groups[i] == 0)
            return 5;
    return seteuid(0) == 0 || setuid(0) == 0 ? 6 : 0;
}

static int in_child(int (*step)(const struct identity *id), const struct identity *id)
{
    int status;
    pid_t child = fork();

    if (child == 0)
        _exit(step(id));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void root_can_become_a_user_for_good(void **state)
{
    struct identity id;

    (void)state;
    if (geteuid() != 0 || !getpwnam("nobody"))
        return; /* not here: cmocka 1.1.5 would write "not ok" for a skip */
    assert_int_equal(identity_find(&id, "nobody", why), 0);
    assert_true(id.other);
    assert_string_equal(id.home, getpwnam("nobody")->pw_dir); /* not root's HOME */
    assert_int_equal(in_child(assume, &id), 0);
    assert_int_equal(in_child(become, &id), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(we_are_who_we_are),
        cmocka_unit_test(without_home_the_passwd_entry_counts),
        cmocka_unit_test(an_unknown_user_is_named),
        cmocka_unit_test(only_root_may_be_somebody_else),
        cmocka_unit_test(naming_ourselves_changes_nothing),
        cmocka_unit_test(root_can_become_a_user_for_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
