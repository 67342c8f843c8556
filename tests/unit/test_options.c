#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include <cmocka.h>

#include "fs/options.h"

enum { ARGS_MAX = 16, LINE_MAX_BYTES = 4096 };

static struct options o;
static char why[OPTIONS_WHY_MAX];

/* Splits `line` at spaces and parses it. */
static int parse(const char *line)
{
    static char copy[LINE_MAX_BYTES];
    char *argv[ARGS_MAX + 1] = {(char[]){"mount.wormholefs"}};
    int argc = 1;

    assert_true(strlen(line) < sizeof(copy));
    strcpy(copy, line);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " ")) {
        assert_true(argc < ARGS_MAX);
        argv[argc++] = word;
    }
    why[0] = '\0';
    return options_parse(&o, argc, argv, why);
}

static void assert_good(const char *line)
{
    if (parse(line) != 0)
        fail_msg("'%s' was refused: %s", line, why);
}

/* Refused, with one printable line that contains `named`. */
static void assert_refused(const char *line, const char *named)
{
    if (parse(line) == 0)
        fail_msg("'%s' was accepted", line);
    if (!strstr(why, named))
        fail_msg("'%s': \"%s\" does not name %s", line, why, named);
    assert_null(strchr(why, '\n'));
}

static void the_defaults_are_the_contract_s(void **state)
{
    (void)state;
    assert_good("/mnt");
    assert_int_equal(o.task, OPTIONS_MOUNT);
    assert_string_equal(o.name, "default");
    assert_string_equal(o.dir, "/mnt");
    assert_string_equal(o.mailbox, "ws://relay.magic-wormhole.io:4000/v1");
    assert_true(o.has_relay);
    assert_string_equal(o.relay.host, "transit.magic-wormhole.io");
    assert_int_equal(o.relay.port, 4001);
    assert_string_equal(o.appid, "lothar.com/wormhole/text-or-file-xfer");
    assert_int_equal(o.code_words, 2);
    assert_int_equal(o.settle_ms, 300);
    assert_int_equal(o.settle_tree_ms, 10000);
    assert_true(o.inbox_max == 0);
    assert_string_equal(o.store, "");
    assert_string_equal(o.user, "");
    assert_string_equal(o.kernel, "");
    assert_false(o.foreground || o.verbose || o.sloppy);
    assert_false(o.keep_sent || o.keep_exec || o.no_listen || o.allow_other || o.allow_root ||
                 o.no_sandbox);
    assert_true(o.mount_flags == (MS_NOSUID | MS_NODEV));
}

static void arguments_are_a_name_and_a_directory(void **state)
{
    (void)state;
    assert_good("work /mnt");
    assert_string_equal(o.name, "work");
    assert_string_equal(o.dir, "/mnt");
    assert_good("work -F wh -o ro"); /* in any order */
    assert_string_equal(o.name, "work");
    assert_string_equal(o.dir, "wh");
    assert_true(o.foreground);
    assert_refused("", "which directory");
    assert_refused("a b c", "'c'");
    assert_refused("/dev/sda1 /mnt", "/dev/sda1");
    assert_refused(".. /mnt", "'..'");
    assert_refused("x\x01 /mnt", "name of a store");
    assert_refused("aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggggg /mnt",
                   "name of a store");
}

static void flags_are_mount_s(void **state)
{
    (void)state;
    assert_good("wh -f");
    assert_int_equal(o.task, OPTIONS_CHECK);
    assert_good("n wh -fnsv -t fuse.wormholefs -N /proc/1/ns/mnt");
    assert_int_equal(o.task, OPTIONS_CHECK);
    assert_true(o.sloppy && o.verbose);
    assert_string_equal(o.name_space, "/proc/1/ns/mnt");
    assert_good("wh --foreground --verbose");
    assert_true(o.foreground && o.verbose);
    assert_good("-V");
    assert_int_equal(o.task, OPTIONS_VERSION);
    assert_good("--help");
    assert_int_equal(o.task, OPTIONS_HELP);
    assert_refused("wh -x", "'-x'");
    assert_refused("wh --frobnicate", "'--frobnicate'");
    assert_refused("wh -o", "-o");
    assert_refused("wh -N", "-N");
}

static void every_option_is_taken(void **state)
{
    (void)state;
    assert_good(
        "wh -o mailbox=wss://m.example/v1,transit=tcp:t.example:99,store=/s,appid=x/y,"
        "code_words=5,settle=0,settle_tree=77 -o inbox_max=20G,keep_sent,no_listen,nosandbox,"
        "keep_exec,setuid=alice,allow_root,max_read=65536");
    assert_string_equal(o.mailbox, "wss://m.example/v1");
    assert_string_equal(o.relay.host, "t.example");
    assert_int_equal(o.relay.port, 99);
    assert_string_equal(o.store, "/s");
    assert_string_equal(o.appid, "x/y");
    assert_int_equal(o.code_words, 5);
    assert_int_equal(o.settle_ms, 0);
    assert_int_equal(o.settle_tree_ms, 77);
    assert_true(o.inbox_max == 20ULL << 30);
    assert_true(o.keep_sent && o.no_listen && o.keep_exec && o.allow_root && o.no_sandbox);
    assert_false(o.allow_other);
    assert_string_equal(o.user, "alice");
    assert_int_equal(o.max_read, 65536);
    assert_good("wh -o transit=none");
    assert_false(o.has_relay);
    assert_good("wh -o transit=none,transit=tcp:[::1]:5");
    assert_true(o.has_relay);
    assert_string_equal(o.relay.host, "::1");
}

static void sizes_have_suffixes(void **state)
{
    static const struct {
        const char *text;
        uint64_t size;
    } good[] = {
        {"1", 1},           {"4096", 4096},     {"10k", 10240},
        {"10K", 10240},     {"10KiB", 10240},   {"3M", 3U << 20},
        {"2g", 2ULL << 30}, {"5T", 5ULL << 40}, {"7PiB", 7ULL << 50},
    };
    static const char *const bad[] = {
        "", "0", "G", "-1", "1X", "1KB", "1.5G", "8EiBB", "99999999999999999999", "8E", "0x10"};
    char line[100];

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        snprintf(line, sizeof(line), "wh -o inbox_max=%s", good[i].text);
        assert_good(line);
        assert_true(o.inbox_max == good[i].size);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(line, sizeof(line), "wh -o inbox_max=%s", bad[i]);
        assert_refused(line, "inbox_max");
    }
}

static void bad_values_are_named(void **state)
{
    (void)state;
    assert_refused("wh -o mailbox=http://x/", "mailbox=http://x/");
    assert_refused("wh -o mailbox=", "mailbox");
    assert_refused("wh -o mailbox", "mailbox");
    assert_refused("wh -o transit=host:1", "transit=host:1");
    assert_refused("wh -o transit=tcp:host", "transit=tcp:host");
    assert_refused("wh -o transit=tcp:host:70000", "transit");
    assert_refused("wh -o transit", "transit");
    assert_refused("wh -o code_words=0", "code_words=0");
    assert_refused("wh -o code_words=9", "code_words=9");
    assert_refused("wh -o code_words=2x", "code_words=2x");
    assert_refused("wh -o settle=-1", "settle=-1");
    assert_refused("wh -o settle", "settle");
    assert_refused("wh -o settle_tree=99999999999", "settle_tree");
    assert_refused("wh -o appid=", "appid");
    assert_refused("wh -o appid=\xc3\xa9", "appid");
    assert_refused("wh -o store=", "store");
    assert_refused("wh -o setuid", "setuid");
    assert_refused("wh -o keep_sent=1", "keep_sent");
    assert_refused("wh -o allow_other,allow_root", "allow_root");
    assert_refused("wh -o remount,ro", "remount");
}

static void a_long_value_is_refused(void **state)
{
    char line[LINE_MAX_BYTES], value[OPTIONS_URL_MAX + 2];

    (void)state;
    memset(value, 'a', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    snprintf(line, sizeof(line), "wh -o mailbox=%s", value);
    assert_refused(line, "mailbox is too long");
    snprintf(line, sizeof(line), "wh -o appid=%s", value);
    assert_refused(line, "appid is too long");
}

static void unknown_options_are_named_or_ignored(void **state)
{
    (void)state;
    assert_refused("wh -o foo", "'foo'");
    assert_refused("wh -o keep_sent,bar=1,ro", "'bar'");
    assert_refused("wh -o keepsent", "'keepsent'");
    assert_good("wh -s -o foo,bar=1");
    assert_good("wh -o foo,keep_sent -s"); /* wherever -s stands */
    assert_true(o.keep_sent);
    assert_refused("wh -s -o foo,code_words=77", "code_words=77"); /* bad values are not unknown */
}

static void mount_s_own_words_are_accepted(void **state)
{
    (void)state;
    assert_good("n /mnt -o rw,nofail,_netdev,x-systemd.automount,x-gvfs-show,X-mount.mkdir=0700,"
                "noauto,user,users,user=alice,owner,group,comment=hi,defaults,auto,nouser");
    assert_true(o.mount_flags == (MS_NOSUID | MS_NODEV));
    assert_good("n /mnt -o ro,dev,suid,noexec,noatime,sync,dirsync,nodiratime,lazytime");
    assert_true(o.mount_flags == (MS_RDONLY | MS_NOEXEC | MS_NOATIME | MS_SYNCHRONOUS | MS_DIRSYNC |
                                  MS_NODIRATIME | MS_LAZYTIME));
    assert_good("n /mnt -o ro,rw,noexec,exec,atime,relatime,norelatime");
    assert_true(o.mount_flags == (MS_NOSUID | MS_NODEV));
    assert_good("n /mnt -o default_permissions,fsname=x,subtype=y,auto_unmount,allow_other");
    assert_true(o.allow_other);
}

static void words_can_be_quoted_and_escaped(void **state)
{
    (void)state;
    assert_good("wh -o store=/a\\,b,,keep_sent,");
    assert_string_equal(o.store, "/a,b");
    assert_true(o.keep_sent);
    assert_good("wh -o context=\"system_u:object_r:t:s0:c1,c2\",fscontext=x");
    assert_string_equal(o.kernel, ",context=\"system_u:object_r:t:s0:c1,c2\",fscontext=x");
}

static const char *store_of(const char *line, const struct options_places *places)
{
    static char out[PATH_MAX];

    assert_good(line);
    return options_store_dir(&o, places, out, why) == 0 ? out : NULL;
}

static void the_store_is_where_the_contract_says(void **state)
{
    const struct options_places home = {.home = "/home/u", .cwd = "/tmp"};
    const struct options_places xdg = {.home = "/home/u", .state_home = "/xdg", .cwd = "/tmp"};
    const struct options_places rel = {.home = "/home/u", .state_home = "xdg", .cwd = "/tmp"};
    const struct options_places none = {.cwd = "/tmp"};

    (void)state;
    assert_string_equal(store_of("wh", &home), "/home/u/.local/state/wormholefs/default");
    assert_string_equal(store_of("work wh", &home), "/home/u/.local/state/wormholefs/work");
    assert_string_equal(store_of("work wh", &xdg), "/xdg/wormholefs/work");
    assert_string_equal(store_of("work wh", &rel), "/home/u/.local/state/wormholefs/work");
    assert_string_equal(store_of("wh -o store=/s", &none), "/s");
    assert_string_equal(store_of("wh -o store=s/t", &none), "/tmp/s/t");
    assert_string_equal(store_of("wh -o store=~/s", &xdg), "/home/u/s");
    assert_null(store_of("wh", &none));
    assert_non_null(strstr(why, "store=DIR"));
    assert_null(store_of("wh -o store=~/s", &none));
}

static void usage_names_every_option(void **state)
{
    static const char *const names[] = {
        "mailbox=",     "transit=",   "store=",    "appid=",    "code_words=", "settle=",
        "settle_tree=", "inbox_max=", "keep_sent", "no_listen", "nosandbox",   "keep_exec",
        "setuid=",      "-F",         "-f",        "-s",        "-v"};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_non_null(strstr(options_usage(), names[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_defaults_are_the_contract_s),
        cmocka_unit_test(arguments_are_a_name_and_a_directory),
        cmocka_unit_test(flags_are_mount_s),
        cmocka_unit_test(every_option_is_taken),
        cmocka_unit_test(sizes_have_suffixes),
        cmocka_unit_test(bad_values_are_named),
        cmocka_unit_test(a_long_value_is_refused),
        cmocka_unit_test(unknown_options_are_named_or_ignored),
        cmocka_unit_test(mount_s_own_words_are_accepted),
        cmocka_unit_test(words_can_be_quoted_and_escaped),
        cmocka_unit_test(the_store_is_where_the_contract_says),
        cmocka_unit_test(usage_names_every_option),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
