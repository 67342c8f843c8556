#include "fs/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <syslog.h>
#include <unistd.h>

enum { NAME_SIZE = 80 };

/* One for the process, as stderr and syslog are. */
static struct {
    pthread_mutex_t lock;
    char ident[NAME_SIZE]; /* openlog keeps the pointer */
    bool to_syslog;
    bool to_stderr;
    bool verbose;
} out = {.lock = PTHREAD_MUTEX_INITIALIZER, .to_stderr = true};

static int priority_of(enum log_level level)
{
    switch (level) {
    case LOG_LEVEL_ERROR:
        return LOG_ERR;
    case LOG_LEVEL_WARNING:
        return LOG_WARNING;
    case LOG_LEVEL_NOTICE:
        return LOG_NOTICE;
    case LOG_LEVEL_DEBUG:
        return LOG_DEBUG;
    }
    return LOG_ERR;
}

char *log_printable(char *text)
{
    for (unsigned char *c = (unsigned char *)text; *c; c++)
        if (*c < 0x20 || *c == 0x7f)
            *c = '?';
    return text;
}

void log_start(const struct log_options *options)
{
    pthread_mutex_lock(&out.lock);
    snprintf(out.ident, sizeof(out.ident), "wormholefs/%s", options->name);
    log_printable(out.ident);
    out.to_syslog = options->to_syslog;
    out.to_stderr = options->to_stderr;
    out.verbose = options->verbose;
    if (out.to_syslog)
        openlog(out.ident, LOG_PID | LOG_NDELAY, LOG_DAEMON);
    pthread_mutex_unlock(&out.lock);
}

void log_leave_stderr(void)
{
    pthread_mutex_lock(&out.lock);
    out.to_stderr = false;
    pthread_mutex_unlock(&out.lock);
}

/* One write(2) a line, so that lines of several processes do not mix. A full or closed stderr is
 * nobody's problem. */
static void to_stderr(const char *line)
{
    char text[LOG_LINE_MAX + 32];
    int len = snprintf(text, sizeof(text), "mount.wormholefs: %s\n", line);

    if (len > 0 && write(STDERR_FILENO, text, (size_t)len) < 0)
        return;
}

__attribute__((format(printf, 2, 0))) static void put(enum log_level level, const char *format,
                                                      va_list args)
{
    char line[LOG_LINE_MAX];

    pthread_mutex_lock(&out.lock);
    bool wanted = level != LOG_LEVEL_DEBUG || out.verbose;
    if (wanted && vsnprintf(line, sizeof(line), format, args) >= 0) {
        log_printable(line);
        if (out.to_stderr)
            to_stderr(line);
        if (out.to_syslog)
            syslog(priority_of(level), "%s", line);
    }
    pthread_mutex_unlock(&out.lock);
}

void log_error(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    put(LOG_LEVEL_ERROR, format, args);
    va_end(args);
}

void log_warning(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    put(LOG_LEVEL_WARNING, format, args);
    va_end(args);
}

void log_notice(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    put(LOG_LEVEL_NOTICE, format, args);
    va_end(args);
}

void log_debug(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    put(LOG_LEVEL_DEBUG, format, args);
    va_end(args);
}
