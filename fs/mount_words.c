#include "fs/mount_words.h"

#include <stddef.h>
#include <string.h>
#include <sys/mount.h>

#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256
#endif

struct flag_word {
    const char *name;
    unsigned long set;
    unsigned long clear;
};

static const struct flag_word flag_words[] = {
    {"ro", MS_RDONLY, 0},
    {"rw", 0, MS_RDONLY},
    {"nosuid", MS_NOSUID, 0},
    {"suid", 0, MS_NOSUID},
    {"nodev", MS_NODEV, 0},
    {"dev", 0, MS_NODEV},
    {"noexec", MS_NOEXEC, 0},
    {"exec", 0, MS_NOEXEC},
    {"sync", MS_SYNCHRONOUS, 0},
    {"async", 0, MS_SYNCHRONOUS},
    {"dirsync", MS_DIRSYNC, 0},
    {"noatime", MS_NOATIME, 0},
    {"atime", 0, MS_NOATIME},
    {"nodiratime", MS_NODIRATIME, 0},
    {"diratime", 0, MS_NODIRATIME},
    {"relatime", MS_RELATIME, 0},
    {"norelatime", 0, MS_RELATIME},
    {"strictatime", MS_STRICTATIME, 0},
    {"nostrictatime", 0, MS_STRICTATIME},
    {"lazytime", MS_LAZYTIME, 0},
    {"nolazytime", 0, MS_LAZYTIME},
    {"nosymfollow", MS_NOSYMFOLLOW, 0},
    {"symfollow", 0, MS_NOSYMFOLLOW},
    {"silent", MS_SILENT, 0},
    {"loud", 0, MS_SILENT},
};

/* default_permissions is always on and the source and type are always ours; auto_unmount is not
 * needed, as the next mount cleans up after a dead one. */
static const char *const ignored_words[] = {
    "defaults", "auto",       "noauto",   "user",         "nouser",
    "users",    "nousers",    "owner",    "noowner",      "group",
    "nogroup",  "_netdev",    "nofail",   "mand",         "nomand",
    "iversion", "noiversion", "comment",  "helper",       "uhelper",
    "fsname",   "subtype",    "nonempty", "auto_unmount", "default_permissions",
};

static const char *const kernel_words[] = {"context", "fscontext", "defcontext", "rootcontext"};

unsigned long mount_words_flags(void)
{
    return MS_NOSUID | MS_NODEV;
}

static bool among(const char *const *words, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(words[i], name) == 0)
            return true;
    return false;
}

static bool is_flag(unsigned long *flags, const char *name)
{
    for (size_t i = 0; i < sizeof(flag_words) / sizeof(flag_words[0]); i++)
        if (strcmp(flag_words[i].name, name) == 0) {
            *flags = (*flags & ~flag_words[i].clear) | flag_words[i].set;
            return true;
        }
    return false;
}

enum mount_word mount_words_take(unsigned long *flags, const char *name, const char *value)
{
    if (strcmp(name, "remount") == 0)
        return MOUNT_WORD_REMOUNT;
    if (!value && is_flag(flags, name))
        return MOUNT_WORD_TAKEN;
    if (strncmp(name, "x-", 2) == 0 || strncmp(name, "X-", 2) == 0)
        return MOUNT_WORD_TAKEN;
    if (among(ignored_words, sizeof(ignored_words) / sizeof(ignored_words[0]), name))
        return MOUNT_WORD_TAKEN;
    if (value && among(kernel_words, sizeof(kernel_words) / sizeof(kernel_words[0]), name))
        return MOUNT_WORD_KERNEL;
    return MOUNT_WORD_UNKNOWN;
}
