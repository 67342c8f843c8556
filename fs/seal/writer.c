#include "fs/seal/writer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "fs/log.h"
#include "fs/seal/ending.h"
#include "fs/seal/procfs.h"
#include "fs/seal/witness.h"

enum {
    EXITING = 0x4, /* PF_EXITING of the kernel's sched.h */
    FIELD_STATE = 3,
    FIELD_PARENT = 4,
    FIELD_FLAGS = 9,
    FIELD_THREADS = 20,
    FIELD_START = 22,
    FIELD_EXIT_CODE = 52,
};

bool writer_id_equal(const struct writer_id *a, const struct writer_id *b)
{
    return a->pid == b->pid && a->start == b->start;
}

/* ---- pure ---- */

static void copy_name(char *out, const char *name, size_t len)
{
    if (len >= WRITER_NAME_MAX)
        len = WRITER_NAME_MAX - 1;
    memcpy(out, name, len);
    out[len] = '\0';
    log_printable(out);
}

/* One number; the fields in between are skipped by their spaces. */
static int64_t number_of(const char *field)
{
    return strtoll(field, NULL, 10);
}

static void take_field(struct writer_stat *out, int number, const char *field)
{
    if (number == FIELD_STATE)
        out->state = *field;
    else if (number == FIELD_PARENT)
        out->parent = (pid_t)number_of(field);
    else if (number == FIELD_FLAGS)
        out->flags = (uint64_t)number_of(field);
    else if (number == FIELD_THREADS)
        out->threads = (long)number_of(field);
    else if (number == FIELD_START)
        out->start = (uint64_t)number_of(field);
    else if (number == FIELD_EXIT_CODE)
        out->exit_code = (uint32_t)number_of(field);
}

int writer_stat_parse(struct writer_stat *out, const char *text, size_t len)
{
    char copy[PROCFS_TEXT_MAX], *save = NULL;
    int number = FIELD_STATE;

    if (len >= sizeof(copy))
        return -1;
    memcpy(copy, text, len);
    copy[len] = '\0';
    const char *open = strchr(copy, '(');
    char *close = strrchr(copy, ')'); /* the last one: names may hold any */
    if (!open || !close || close < open)
        return -1;
    *out = (struct writer_stat){.tid = (pid_t)number_of(copy)};
    copy_name(out->name, open + 1, (size_t)(close - open - 1));
    for (char *field = strtok_r(close + 1, " \n", &save); field;
         field = strtok_r(NULL, " \n", &save))
        take_field(out, number++, field);
    return number > FIELD_EXIT_CODE && out->tid > 0 ? 0 : -1;
}

pid_t writer_status_pid(const char *text)
{
    static const char key[] = "\nTgid:";
    const char *at = strstr(text, key);

    return at ? (pid_t)number_of(at + sizeof(key) - 1) : 0;
}

bool writer_status_exiting(const char *text)
{
    /* "Threads:" comes after all that is said of memory. */
    return strstr(text, "\nThreads:") && !strstr(text, "\nVmSize:");
}

enum writer_end writer_end_of(const struct writer_stat *stat, bool code_readable)
{
    if (!(stat->flags & EXITING))
        return WRITER_GOES_ON;
    if (ending_of_status((int)stat->exit_code) == ENDING_KILLED)
        return WRITER_KILLED;
    return code_readable ? WRITER_EXITS : WRITER_ENDS;
}

/* ---- from /proc ---- */

static int take_stat(enum procfs_result result, const char *text, struct writer_stat *out)
{
    return result == PROCFS_OK ? writer_stat_parse(out, text, strlen(text)) : -1;
}

static int read_stat(pid_t tid, struct writer_stat *out)
{
    char text[PROCFS_TEXT_MAX];

    return take_stat(procfs_stat(tid, text), text, out);
}

/* Is the thread ending, and what does it look like then? Nothing else is asked about: it may be
 * inside execve, and wait for our answer (procfs.h). */
static bool read_exiting(pid_t tid, struct writer_stat *out)
{
    char text[PROCFS_TEXT_MAX];

    if (procfs_status(tid, text) != PROCFS_OK || !writer_status_exiting(text))
        return false;
    return take_stat(procfs_stat_of_exiting(tid, text), text, out) == 0 && out->flags & EXITING;
}

static pid_t process_of(pid_t tid)
{
    char text[PROCFS_TEXT_MAX];

    return procfs_status(tid, text) == PROCFS_OK ? writer_status_pid(text) : 0;
}

int writer_identify(pid_t tid, struct writer_id *out)
{
    struct writer_stat stat;
    pid_t pid = process_of(tid);

    if (read_stat(pid, &stat) < 0)
        return -1;
    *out = (struct writer_id){.pid = pid, .start = stat.start};
    return 0;
}

bool writer_is_gone(const struct writer_id *id)
{
    char text[PROCFS_TEXT_MAX];
    struct writer_stat stat;
    enum procfs_result result = procfs_stat(id->pid, text);

    if (result == PROCFS_BUSY)
        return false;
    if (take_stat(result, text, &stat) < 0 || stat.start != id->start)
        return true;
    /* A first thread that has exited is shown as a zombie while others go on. */
    return (stat.state == 'Z' || stat.state == 'X') && stat.threads <= 1;
}

int64_t writer_age_ms(const struct writer_id *id)
{
    struct timespec now;
    long ticks_per_s = sysconf(_SC_CLK_TCK);

    /* The clock that `start` is of: it counts suspended time, too. */
    if (id->pid == 0 || ticks_per_s <= 0 || clock_gettime(CLOCK_BOOTTIME, &now) < 0)
        return INT64_MAX;
    int64_t start_ms = (int64_t)(id->start * 1000 / (uint64_t)ticks_per_s);
    int64_t age_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 - start_ms;
    return age_ms < 0 ? INT64_MAX : age_ms; /* a /proc of another clock */
}

bool writer_descends(pid_t tid, const struct writer_id *ancestor)
{
    struct writer_stat stat;
    pid_t at = tid;

    for (int i = 0; i < WRITER_PARENTS_MAX && at > 1; i++) {
        if (read_stat(at, &stat) < 0)
            return false;
        at = stat.parent;
        if (at == ancestor->pid)
            return read_stat(at, &stat) == 0 && stat.start == ancestor->start;
    }
    return false;
}

size_t writer_line(pid_t tid, struct writer_id out[static WRITER_PARENTS_MAX])
{
    struct writer_stat stat;
    size_t count = 0;
    pid_t at = process_of(tid);

    while (count < WRITER_PARENTS_MAX && read_stat(at, &stat) == 0) {
        out[count++] = (struct writer_id){.pid = at, .start = stat.start};
        at = stat.parent;
    }
    return count;
}

bool writer_same_process(pid_t tid, pid_t other)
{
    if (tid == other)
        return tid > 0;
    pid_t pid = process_of(tid);
    return pid > 0 && pid == process_of(other);
}

/* The exit code is shown to whom could trace the process. So is the link `exe`; of a process that
 * has given up its memory it says ENOENT to them, EACCES to others. */
static bool code_readable(pid_t tid)
{
    char path[64], target[1];

    snprintf(path, sizeof(path), "/proc/%d/exe", (int)tid);
    return readlink(path, target, sizeof(target)) >= 0 || (errno != EACCES && errno != EPERM);
}

enum writer_end writer_look(pid_t tid)
{
    struct writer_stat stat;

    return read_exiting(tid, &stat) ? writer_end_of(&stat, code_readable(tid)) : WRITER_GOES_ON;
}

enum writer_end writer_at_flush(pid_t tid)
{
    struct writer_stat stat;

    if (!witness_in_use())
        return writer_look(tid);
    return read_exiting(tid, &stat) ? witness_ask(tid) : WRITER_GOES_ON;
}

bool writer_describe(pid_t tid, char name[static WRITER_NAME_MAX], pid_t *pid)
{
    struct writer_stat stat;
    pid_t process = process_of(tid);

    if (read_stat(process, &stat) < 0)
        return false;
    strcpy(name, stat.name);
    *pid = process;
    return true;
}
