#include "fs/seal/doomed.h"

#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "fs/seal/procfs.h"
#include "fs/seal/writer.h"

/* One for the process, as /proc is; a ring. */
static struct {
    pthread_mutex_t lock;
    unsigned next;
    pid_t pids[DOOMED_MAX];
} doomed = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- pure ---- */

static uint64_t bit(int signal)
{
    return (uint64_t)1 << (signal - 1);
}

/* A set of signals, by its key; none if there is no such line. */
static uint64_t set_of(const char *text, const char *key)
{
    const char *at = strstr(text, key);

    return at ? strtoull(at + strlen(key), NULL, 16) : 0;
}

/* signal(7): what does not end a process that does nothing about it. */
static uint64_t harmless(void)
{
    return bit(SIGCHLD) | bit(SIGURG) | bit(SIGWINCH) | bit(SIGCONT) | bit(SIGSTOP) | bit(SIGTSTP) |
           bit(SIGTTIN) | bit(SIGTTOU);
}

pid_t doomed_of_status(const char *text)
{
    uint64_t mine = set_of(text, "\nSigPnd:"), handled = set_of(text, "\nSigIgn:");
    handled |= set_of(text, "\nSigCgt:");
    /* That the kernel acts on a signal that this thread blocks is seen by the SIGKILL alone. */
    if (!(mine & bit(SIGKILL)))
        handled |= set_of(text, "\nSigBlk:");
    uint64_t fatal = (mine & ~bit(SIGKILL)) | set_of(text, "\nShdPnd:");
    fatal &= ~harmless() & ~(handled & ~bit(SIGKILL));
    return fatal ? writer_status_pid(text) : 0;
}

/* ---- from /proc ---- */

static pid_t doomed_process(pid_t tid)
{
    char text[PROCFS_TEXT_MAX];

    return procfs_status(tid, text) == PROCFS_OK ? doomed_of_status(text) : 0;
}

void doomed_look(pid_t tid)
{
    pid_t pid = tid > 0 ? doomed_process(tid) : 0;

    if (pid == 0)
        return;
    pthread_mutex_lock(&doomed.lock);
    doomed.pids[doomed.next++ % DOOMED_MAX] = pid;
    pthread_mutex_unlock(&doomed.lock);
}

bool doomed_has(pid_t pid)
{
    bool found = false;

    pthread_mutex_lock(&doomed.lock);
    for (int i = 0; i < DOOMED_MAX; i++)
        found = found || doomed.pids[i] == pid;
    pthread_mutex_unlock(&doomed.lock);
    return found;
}
