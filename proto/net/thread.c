#include "proto/net/thread.h"

#include <signal.h>

int thread_start(pthread_t *thread, size_t stack_bytes, void *(*run)(void *arg), void *arg)
{
    pthread_attr_t attributes;
    sigset_t all, before;

    int err = pthread_attr_init(&attributes);
    if (err != 0)
        return err;
    if (stack_bytes > 0)
        (void)pthread_attr_setstacksize(&attributes, stack_bytes);
    sigfillset(&all);
    sigdelset(&all, SIGSYS); /* how a sandbox answers a call: who blocks it is killed */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    err = pthread_create(thread, &attributes, run, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return err;
}
