#include "fs/face/passage.h"

#include <pthread.h>

enum { PASSAGES_MAX = 1024 };

struct passage {
    pid_t tid;
    uint64_t node;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct passage passages[PASSAGES_MAX]; /* by tid, modulo; a newer one takes the place */

static struct passage *slot_of(pid_t tid)
{
    return &passages[tid % PASSAGES_MAX];
}

void passage_note(pid_t tid, uint64_t node, bool through_new)
{
    if (tid <= 0 || node == 0)
        return;
    struct passage *p = slot_of(tid);
    pthread_mutex_lock(&lock);
    if (through_new)
        *p = (struct passage){.tid = tid, .node = node};
    else if (p->tid == tid && p->node == node)
        *p = (struct passage){0};
    pthread_mutex_unlock(&lock);
}

bool passage_through_new(pid_t tid, uint64_t node)
{
    if (tid <= 0 || node == 0)
        return false;
    const struct passage *p = slot_of(tid);
    pthread_mutex_lock(&lock);
    bool is = p->tid == tid && p->node == node;
    pthread_mutex_unlock(&lock);
    return is;
}
