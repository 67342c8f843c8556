/* The command line: mount.wormholefs [NAME] DIR [-F] [-fnsv] [-t TYPE] [-N NS] [-o OPTIONS].
 *
 * Everything that can be checked without touching a file is checked here, so that a mistake is one
 * line that names it, before anything happens. */
#ifndef FS_OPTIONS_H
#define FS_OPTIONS_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include "proto/hints.h"
#include "proto/limits.h"

enum {
    OPTIONS_WHY_MAX = 512, /* room for a sentence, with its NUL */
    OPTIONS_NAME_MAX = 64, /* a store's name */
    OPTIONS_URL_MAX = 512,
    OPTIONS_USER_MAX = 64,
    OPTIONS_STRING_MAX = 16 * 1024, /* all -o strings together */
    OPTIONS_KERNEL_MAX = 1024,      /* what is passed on to the kernel */
    OPTIONS_SETTLE_MS_MAX = 24 * 60 * 60 * 1000,
};

#define OPTIONS_MAILBOX "ws://relay.magic-wormhole.io:4000/v1"
#define OPTIONS_TRANSIT "tcp:transit.magic-wormhole.io:4001"
#define OPTIONS_APPID "lothar.com/wormhole/text-or-file-xfer"
#define OPTIONS_STORE_NAME "default"

enum options_task {
    OPTIONS_MOUNT,
    OPTIONS_CHECK, /* -f: everything but the mount */
    OPTIONS_HELP,
    OPTIONS_VERSION,
};

struct options {
    enum options_task task;
    bool foreground;
    bool verbose;
    bool sloppy; /* -s: unknown options are ignored */
    char name[OPTIONS_NAME_MAX + 1];
    char dir[PATH_MAX];        /* as it was given */
    char name_space[PATH_MAX]; /* -N: a file of a mount namespace; "" for ours */

    char mailbox[OPTIONS_URL_MAX + 1];
    bool has_relay;
    struct hint relay;
    char store[PATH_MAX]; /* as it was given; "": the default for `name` */
    char appid[APPID_LEN_MAX + 1];
    unsigned code_words;
    unsigned settle_ms;
    unsigned settle_tree_ms;
    uint64_t inbox_max; /* bytes; 0: free space less a reserve */
    bool keep_sent;
    bool keep_exec;
    bool no_listen;
    bool no_sandbox;

    char user[OPTIONS_USER_MAX + 1]; /* setuid=; "": who we are */
    bool allow_other;
    bool allow_root;
    unsigned max_read;               /* bytes; 0: the kernel's choice */
    unsigned long mount_flags;       /* MS_… */
    char kernel[OPTIONS_KERNEL_MAX]; /* ",NAME=VALUE…" for the kernel, or "" */
};

/* Reads the command line; argv is not kept, getopt's globals are used. 0; or -1 with a sentence in
 * why (OPTIONS_WHY_MAX bytes, no newline, printable). */
int options_parse(struct options *o, int argc, char **argv, char *why);

/* Where a relative or missing store=DIR leads; state_home is $XDG_STATE_HOME (NULL or not absolute:
 * ~/.local/state), cwd the working directory. "~/…" in store= is home, as a shell that does not
 * look behind '=' leaves it. `out` has PATH_MAX bytes. */
struct options_places {
    const char *home; /* NULL or "": unknown */
    const char *state_home;
    const char *cwd;
};
int options_store_dir(const struct options *o, const struct options_places *places, char *out,
                      char *why);

/* What -h prints; ends in a newline. */
const char *options_usage(void);

#endif
