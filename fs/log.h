/* What the daemon tells its administrator: one line an occasion, to syslog, and to stderr while it
 * is in the foreground or verbose. What users should see goes into the store's log (store/log.h).
 *
 * Never a secret, never a code ("7-…" is fine), never the content of a file: that is the caller's
 * promise. What others chose (names, sentences from servers) may be in a line: control characters
 * are shown as '?', so a line stays one.
 *
 * All functions from any thread. Lines before log_start go to stderr. */
#ifndef FS_LOG_H
#define FS_LOG_H

#include <stdbool.h>
#include <stddef.h>

enum { LOG_LINE_MAX = 1024 }; /* bytes with the NUL; what is longer is cut */

enum log_level {
    LOG_LEVEL_ERROR,   /* something does not work and a person should look */
    LOG_LEVEL_WARNING, /* it goes on, but not as it should */
    LOG_LEVEL_NOTICE,  /* mounted, unmounted */
    LOG_LEVEL_DEBUG,   /* only when verbose */
};

struct log_options {
    const char *name; /* of the store: begins each line in syslog; copied */
    bool to_syslog;
    bool to_stderr;
    bool verbose; /* also LOG_LEVEL_DEBUG */
};

void log_start(const struct log_options *options);
/* stderr is about to be closed: from now on only syslog. */
void log_leave_stderr(void);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_notice(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Makes `text` one printable line in place: control characters and DEL become '?'. Bytes of UTF-8
 * stay. Returns text. */
char *log_printable(char *text);

#endif
