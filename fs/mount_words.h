/* mount(8)'s own words in an -o string: those that mean a flag of mount(2), and those that are
 * there only for mount(8), fstab's readers and libfuse's helpers, which a helper accepts and
 * forgets. */
#ifndef FS_MOUNT_WORDS_H
#define FS_MOUNT_WORDS_H

#include <stdbool.h>

enum mount_word {
    MOUNT_WORD_UNKNOWN,
    MOUNT_WORD_TAKEN,   /* *flags was changed, or the word means nothing to us */
    MOUNT_WORD_REMOUNT, /* the caller's to refuse */
    MOUNT_WORD_KERNEL,  /* NAME=VALUE goes to the kernel as it is (SELinux contexts) */
};

/* What a mount starts with: as libfuse, no devices and no setuid programs. */
unsigned long mount_words_flags(void);

/* One word, already split at '=': value is NULL if there was none. */
enum mount_word mount_words_take(unsigned long *flags, const char *name, const char *value);

#endif
