#include "fs/options.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "fs/log.h"
#include "fs/mount_words.h"
#include "proto/code.h"
#include "proto/error.h"
#include "proto/net/net.h"
#include "proto/net/url.h"

enum { SETTLE_MS = 300, SETTLE_TREE_MS = 10000, CODE_WORDS = 2, MAX_READ_MIN = 4096 };

__attribute__((format(printf, 2, 3))) static int refuse(char *why, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(why, OPTIONS_WHY_MAX, format, args);
    va_end(args);
    log_printable(why);
    return -1;
}

static int copy(char *out, size_t size, const char *what, const char *value, char *why)
{
    if (!value || !*value)
        return refuse(why, "%s needs a value", what);
    if (strlen(value) >= size)
        return refuse(why, "%s is too long (at most %zu bytes)", what, size - 1);
    strcpy(out, value);
    return 0;
}

/* ---- values ---- */

static int take_number(unsigned *out, const char *what, const char *value, unsigned min,
                       unsigned max, char *why)
{
    char *end;

    errno = 0;
    unsigned long n = value && *value >= '0' && *value <= '9' ? strtoul(value, &end, 10) : 0;
    if (!value || *value < '0' || *value > '9' || *end || errno || n < min || n > max)
        return refuse(why, "%s=%s: not a whole number from %u to %u", what, value ? value : "", min,
                      max);
    *out = (unsigned)n;
    return 0;
}

/* The exponent of 1024 that a suffix means ("", K, KiB, M, MiB, …), or -1. */
static int power_of(const char *suffix)
{
    static const char letters[] = "KMGTPE";
    const char *at;

    if (!*suffix)
        return 0;
    char upper = (char)(*suffix >= 'a' && *suffix <= 'z' ? *suffix - 'a' + 'A' : *suffix);
    at = strchr(letters, upper);
    if (!at || (suffix[1] && strcmp(suffix + 1, "iB") != 0))
        return -1;
    return (int)(at - letters) + 1;
}

static int take_size(uint64_t *out, const char *what, const char *value, char *why)
{
    char *end = NULL;

    errno = 0;
    uint64_t n = value && *value >= '0' && *value <= '9' ? strtoull(value, &end, 10) : 0;
    int power = end ? power_of(end) : -1;
    if (power < 0 || n == 0 || errno || n > (uint64_t)INT64_MAX >> (10 * power))
        return refuse(why, "%s=%s: not a size such as 500M or 20G", what, value ? value : "");
    *out = n << (10 * power);
    return 0;
}

/* ---- the settings of -o, each with a value ---- */

static int take_mailbox(struct options *o, const char *value, char *why)
{
    char reason[NET_WHY_MAX];
    struct url url;

    if (copy(o->mailbox, sizeof(o->mailbox), "mailbox", value, why) < 0)
        return -1;
    if (url_parse(&url, value, reason) < 0)
        return refuse(why, "mailbox=%s: %s", value, reason);
    return 0;
}

static int take_transit(struct options *o, const char *value, char *why)
{
    o->has_relay = !value || strcmp(value, "none") != 0;
    if (!o->has_relay)
        return 0;
    if (!value || hints_parse_option(&o->relay, HINT_RELAY, value) < 0)
        return refuse(why, "transit=%s: must be tcp:HOST:PORT with a port from 1 to 65535, or none",
                      value ? value : "");
    return 0;
}

static int take_store(struct options *o, const char *value, char *why)
{
    return copy(o->store, sizeof(o->store), "store", value, why);
}

static int take_appid(struct options *o, const char *value, char *why)
{
    if (copy(o->appid, sizeof(o->appid), "appid", value, why) < 0)
        return -1;
    for (const char *c = value; *c; c++)
        if (*c <= ' ' || *c > '~')
            return refuse(why, "appid=%s: only printable ASCII without spaces", value);
    return 0;
}

static int take_code_words(struct options *o, const char *value, char *why)
{
    return take_number(&o->code_words, "code_words", value, 1, CODE_WORDS_MAX, why);
}

static int take_settle(struct options *o, const char *value, char *why)
{
    return take_number(&o->settle_ms, "settle", value, 0, OPTIONS_SETTLE_MS_MAX, why);
}

static int take_settle_tree(struct options *o, const char *value, char *why)
{
    return take_number(&o->settle_tree_ms, "settle_tree", value, 0, OPTIONS_SETTLE_MS_MAX, why);
}

static int take_inbox_max(struct options *o, const char *value, char *why)
{
    return take_size(&o->inbox_max, "inbox_max", value, why);
}

static int take_setuid(struct options *o, const char *value, char *why)
{
    return copy(o->user, sizeof(o->user), "setuid", value, why);
}

static int take_max_read(struct options *o, const char *value, char *why)
{
    return take_number(&o->max_read, "max_read", value, MAX_READ_MIN, 1U << 30, why);
}

struct setting {
    const char *name;
    int (*take)(struct options *o, const char *value, char *why);
};

static const struct setting settings[] = {
    {"mailbox", take_mailbox},
    {"transit", take_transit},
    {"store", take_store},
    {"appid", take_appid},
    {"code_words", take_code_words},
    {"settle", take_settle},
    {"settle_tree", take_settle_tree},
    {"inbox_max", take_inbox_max},
    {"setuid", take_setuid},
    {"max_read", take_max_read},
};

/* Words without a value. */
struct toggle {
    const char *name;
    size_t where;
};

static const struct toggle toggles[] = {
    {"keep_sent", offsetof(struct options, keep_sent)},
    {"keep_exec", offsetof(struct options, keep_exec)},
    {"no_listen", offsetof(struct options, no_listen)},
    {"nosandbox", offsetof(struct options, no_sandbox)},
    {"allow_other", offsetof(struct options, allow_other)},
    {"allow_root", offsetof(struct options, allow_root)},
};

static const struct setting *find_setting(const char *name)
{
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
        if (strcmp(settings[i].name, name) == 0)
            return &settings[i];
    return NULL;
}

static bool *find_toggle(struct options *o, const char *name)
{
    for (size_t i = 0; i < sizeof(toggles) / sizeof(toggles[0]); i++)
        if (strcmp(toggles[i].name, name) == 0)
            return (bool *)((char *)o + toggles[i].where);
    return NULL;
}

/* A comma in the value would end it for the kernel, so it travels in quotes, as mount(8) has it. */
static int pass_to_kernel(struct options *o, const char *name, const char *value, char *why)
{
    assert(value); /* mount_words_take asks for one */
    size_t used = strlen(o->kernel);
    const char *quote = strchr(value, ',') ? "\"" : "";
    int len = snprintf(o->kernel + used, sizeof(o->kernel) - used, ",%s=%s%s%s", name, quote, value,
                       quote);

    if (len < 0 || (size_t)len >= sizeof(o->kernel) - used)
        return refuse(why, "%s is too long", name);
    return 0;
}

static int take_mount_word(struct options *o, const char *name, const char *value, char *why)
{
    switch (mount_words_take(&o->mount_flags, name, value)) {
    case MOUNT_WORD_TAKEN:
        return 0;
    case MOUNT_WORD_KERNEL:
        return pass_to_kernel(o, name, value, why);
    case MOUNT_WORD_REMOUNT:
        return refuse(why, "remount is not supported: unmount, then mount with the new options");
    case MOUNT_WORD_UNKNOWN:
        break;
    }
    if (o->sloppy)
        return 0;
    return refuse(why, "unknown option '%s'", name);
}

static int take_word(struct options *o, char *word, char *why)
{
    char *value = strchr(word, '=');

    if (value)
        *value++ = '\0';
    const struct setting *s = find_setting(word);
    if (s)
        return s->take(o, value, why);
    bool *toggle = find_toggle(o, word);
    if (!toggle)
        return take_mount_word(o, word, value, why);
    if (value)
        return refuse(why, "%s takes no value", word);
    *toggle = true;
    return 0;
}

/* Cuts the next word off, at a comma that is neither escaped nor in double quotes; removes the
 * escapes and quotes. NULL at the end. */
static char *next_word(char **rest)
{
    char *in = *rest, *out = *rest, *word = *rest;
    bool quoted = false;

    if (!in)
        return NULL;
    for (; *in && (quoted || *in != ','); in++) {
        if (*in == '"') {
            quoted = !quoted;
            continue;
        }
        if (*in == '\\' && (in[1] == ',' || in[1] == '\\' || in[1] == '"'))
            in++;
        *out++ = *in;
    }
    *rest = *in ? in + 1 : NULL;
    *out = '\0';
    return word;
}

static int take_words(struct options *o, char *words, char *why)
{
    char *word;

    while ((word = next_word(&words)) != NULL)
        if (*word && take_word(o, word, why) < 0)
            return -1;
    return 0;
}

/* ---- the command line ---- */

static int take_name(struct options *o, const char *name, char *why)
{
    if (strchr(name, '/'))
        return refuse(why,
                      "'%s' is a path: the first of two arguments is the name of a store "
                      "(store=DIR says where it lies); mount(8) makes a path of a name that a file "
                      "here has, too",
                      name);
    if (*name == '\0' || *name == '.' || strlen(name) > OPTIONS_NAME_MAX)
        return refuse(why, "'%s' cannot be the name of a store", name);
    for (const unsigned char *c = (const unsigned char *)name; *c; c++)
        if (*c < 0x20 || *c == 0x7f)
            return refuse(why, "'%s' cannot be the name of a store", name);
    strcpy(o->name, name);
    return 0;
}

static int take_arguments(struct options *o, int argc, char **argv, char *why)
{
    if (argc == 0)
        return refuse(why, "which directory? usage: mount.wormholefs [NAME] DIR [-o OPTIONS]");
    if (argc > 2)
        return refuse(why, "too many arguments: '%s'", argv[2]);
    if (argc == 2 && take_name(o, argv[0], why) < 0)
        return -1;
    return copy(o->dir, sizeof(o->dir), "the directory", argv[argc - 1], why);
}

static const struct option long_options[] = {
    {"foreground", no_argument, NULL, 'F'},
    {"fake", no_argument, NULL, 'f'},
    {"no-mtab", no_argument, NULL, 'n'},
    {"sloppy", no_argument, NULL, 's'},
    {"verbose", no_argument, NULL, 'v'},
    {"types", required_argument, NULL, 't'},
    {"namespace", required_argument, NULL, 'N'},
    {"options", required_argument, NULL, 'o'},
    {"version", no_argument, NULL, 'V'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* -s may stand behind -o, so the strings wait until all flags are known. */
static int keep_words(char *words, const char *more, char *why)
{
    size_t used = strlen(words);

    if (used + 1 + strlen(more) >= OPTIONS_STRING_MAX)
        return refuse(why, "the options are too long");
    if (used)
        strcat(words, ",");
    strcat(words, more);
    return 0;
}

static int take_flag(struct options *o, int flag, char **argv, char *words, char *why)
{
    switch (flag) {
    case 'F':
        o->foreground = true;
        return 0;
    case 'f':
        o->task = OPTIONS_CHECK;
        return 0;
    case 's':
        o->sloppy = true;
        return 0;
    case 'v':
        o->verbose = true;
        return 0;
    case 'n': /* there is no mtab */
    case 't': /* there is one type */
        return 0;
    case 'N':
        return copy(o->name_space, sizeof(o->name_space), "-N", optarg, why);
    case 'o':
        return keep_words(words, optarg, why);
    case ':':
        return refuse(why, "%s needs an argument", argv[optind - 1]);
    default:
        if (optopt)
            return refuse(why, "unknown option '-%c'", optopt);
        return refuse(why, "unknown option '%s'", argv[optind - 1]);
    }
}

static void set_defaults(struct options *o)
{
    *o = (struct options){
        .task = OPTIONS_MOUNT,
        .name = OPTIONS_STORE_NAME,
        .mailbox = OPTIONS_MAILBOX,
        .has_relay = true,
        .appid = OPTIONS_APPID,
        .code_words = CODE_WORDS,
        .settle_ms = SETTLE_MS,
        .settle_tree_ms = SETTLE_TREE_MS,
        .mount_flags = mount_words_flags(),
    };
    hints_parse_option(&o->relay, HINT_RELAY, OPTIONS_TRANSIT);
}

static int take_flags(struct options *o, int argc, char **argv, char *words, char *why)
{
    int flag;

    optind = 0; /* glibc: forget any earlier command line */
    while ((flag = getopt_long(argc, argv, ":FfnsvVht:N:o:", long_options, NULL)) != -1) {
        if (flag == 'h' || flag == 'V') {
            o->task = flag == 'h' ? OPTIONS_HELP : OPTIONS_VERSION;
            return 0;
        }
        if (take_flag(o, flag, argv, words, why) < 0)
            return -1;
    }
    return 0;
}

int options_parse(struct options *o, int argc, char **argv, char *why)
{
    char *words = calloc(1, OPTIONS_STRING_MAX);
    int result = -1;

    if (!words)
        return refuse(why, "out of memory");
    set_defaults(o);
    if (take_flags(o, argc, argv, words, why) < 0)
        goto out;
    if (o->task == OPTIONS_HELP || o->task == OPTIONS_VERSION) {
        result = 0;
        goto out;
    }
    if (take_words(o, words, why) < 0)
        goto out;
    if (o->allow_other && o->allow_root) {
        refuse(why, "allow_other and allow_root exclude each other");
        goto out;
    }
    result = take_arguments(o, argc - optind, argv + optind, why);
out:
    free(words);
    return result;
}

/* ---- where the store is ---- */

static int join(char *out, const char *a, const char *b, const char *c, char *why)
{
    int len = snprintf(out, PATH_MAX, "%s/%s%s", a, b, c);

    if (len < 0 || len >= PATH_MAX)
        return refuse(why, "the path of the store is too long");
    return 0;
}

int options_store_dir(const struct options *o, const struct options_places *places, char *out,
                      char *why)
{
    const char *store = o->store;
    bool of_home = strncmp(store, "~/", 2) == 0;
    bool has_home = places->home && *places->home == '/';

    if (*store == '/')
        return copy(out, PATH_MAX, "store", store, why);
    if (*store && !of_home)
        return join(out, places->cwd, store, "", why);
    if (!*store && places->state_home && *places->state_home == '/')
        return join(out, places->state_home, "wormholefs/", o->name, why);
    if (!has_home)
        return refuse(why, "no home directory to keep the store in: give store=DIR");
    if (of_home)
        return join(out, places->home, store + 2, "", why);
    return join(out, places->home, ".local/state/wormholefs/", o->name, why);
}

const char *options_usage(void)
{
    return "usage: mount.wormholefs [NAME] DIR [-F] [-fnsv] [-o OPTIONS]\n"
           "\n"
           "Mounts wormholefs on DIR: a folder in which each directory is a wormhole to somebody.\n"
           "NAME picks the store (default: \"default\").\n"
           "\n"
           "  -F, --foreground   stay in the foreground\n"
           "  -f, --fake         check everything, mount nothing\n"
           "  -s, --sloppy       ignore unknown options\n"
           "  -v, --verbose      say more\n"
           "  -V, --version      print the version\n"
           "  -h, --help         print this\n"
           "\n"
           "  -o mailbox=URL            mailbox server, ws:// or wss://\n"
           "                            (" OPTIONS_MAILBOX ")\n"
           "  -o transit=tcp:HOST:PORT  transit relay, or none\n"
           "                            (" OPTIONS_TRANSIT ")\n"
           "  -o store=DIR              where the journal and the spool live\n"
           "                            (${XDG_STATE_HOME:-~/.local/state}/wormholefs/NAME)\n"
           "  -o appid=ID               " OPTIONS_APPID "\n"
           "  -o code_words=N           words in a code (2)\n"
           "  -o settle=MS              a file is whole after this long without a change (300)\n"
           "  -o settle_tree=MS         the same for a directory (10000)\n"
           "  -o inbox_max=SIZE         what all inboxes hold at most (free space less a reserve)\n"
           "  -o keep_sent              delivered entries stay until they are removed, read-only\n"
           "  -o keep_exec              received files may be executable\n"
           "  -o no_listen              make no direct connections possible\n"
           "  -o nosandbox              do not confine the process that serves\n"
           "  -o setuid=USER            as root: the store and identity of USER\n"
           "  -o allow_other, allow_root, ro, …: see mount(8) and fuse(8)\n";
}
