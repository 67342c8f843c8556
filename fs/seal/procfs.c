#include "fs/seal/procfs.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "fs/deadline.h"

/* A read that somebody waits for, or has given up waiting for. */
struct job {
    struct job *next; /* in the queue */
    pid_t tid;
    bool done, abandoned; /* whoever comes second frees it */
    enum procfs_result result;
    char text[PROCFS_TEXT_MAX];
};

static struct {
    pthread_once_t once;
    pthread_mutex_t lock;
    pthread_cond_t wanted, done;
    struct job *first, **last;
    unsigned queued, threads, idle;
} pool = {.once = PTHREAD_ONCE_INIT, .lock = PTHREAD_MUTEX_INITIALIZER};

static enum procfs_result read_file(pid_t tid, const char *file, char text[static PROCFS_TEXT_MAX])
{
    char path[64];

    if (tid <= 0)
        return PROCFS_UNKNOWN;
    snprintf(path, sizeof(path), "/proc/%d/%s", (int)tid, file);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return PROCFS_UNKNOWN;
    ssize_t len = read(fd, text, PROCFS_TEXT_MAX - 1);
    close(fd);
    text[len > 0 ? len : 0] = '\0';
    return len > 0 ? PROCFS_OK : PROCFS_UNKNOWN;
}

enum procfs_result procfs_status(pid_t tid, char text[static PROCFS_TEXT_MAX])
{
    return read_file(tid, "status", text);
}

enum procfs_result procfs_stat_of_exiting(pid_t tid, char text[static PROCFS_TEXT_MAX])
{
    return read_file(tid, "stat", text);
}

/* ---- the threads ---- */

static void begin(void)
{
    pthread_condattr_t monotonic;

    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&pool.wanted, NULL);
    pthread_cond_init(&pool.done, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pool.last = &pool.first;
}

static struct job *take(void)
{
    while (!pool.first) {
        pool.idle++;
        pthread_cond_wait(&pool.wanted, &pool.lock);
        pool.idle--;
    }
    struct job *job = pool.first;
    pool.queued--;
    pool.first = job->next;
    if (!pool.first)
        pool.last = &pool.first;
    return job;
}

static void finish(struct job *job)
{
    job->done = true;
    if (job->abandoned)
        free(job);
    else
        pthread_cond_broadcast(&pool.done);
}

static void *work(void *arg)
{
    sigset_t all;

    (void)arg;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    pthread_mutex_lock(&pool.lock);
    for (;;) {
        struct job *job = take();
        bool wanted = !job->abandoned;
        pthread_mutex_unlock(&pool.lock);
        if (wanted)
            job->result = read_file(job->tid, "stat", job->text);
        pthread_mutex_lock(&pool.lock);
        finish(job);
    }
    return NULL;
}

/* Lock held. No job waits behind one that may take long, up to a bound. */
static void start_thread(void)
{
    pthread_t thread;

    if (pool.queued <= pool.idle || pool.threads == PROCFS_THREADS_MAX)
        return;
    if (pthread_create(&thread, NULL, work, NULL) == 0) {
        pthread_detach(thread);
        pool.threads++;
    }
}

/* Lock held. */
static void await(struct job *job)
{
    const struct timespec end = deadline_in(PROCFS_WAIT_MS);

    *pool.last = job;
    pool.last = &job->next;
    pool.queued++;
    start_thread();
    pthread_cond_signal(&pool.wanted);
    while (!job->done && pthread_cond_timedwait(&pool.done, &pool.lock, &end) == 0)
        ;
}

enum procfs_result procfs_stat(pid_t tid, char text[static PROCFS_TEXT_MAX])
{
    enum procfs_result result = PROCFS_BUSY;

    if (tid <= 0)
        return PROCFS_UNKNOWN;
    pthread_once(&pool.once, begin);
    struct job *job = calloc(1, sizeof(*job));
    if (!job)
        return result;
    job->tid = tid;
    pthread_mutex_lock(&pool.lock);
    await(job);
    bool done = job->done;
    job->abandoned = !done;
    pthread_mutex_unlock(&pool.lock);
    if (!done)
        return result;
    result = job->result;
    memcpy(text, job->text, PROCFS_TEXT_MAX);
    free(job);
    return result;
}
