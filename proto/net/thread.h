/* Threads that take no signals: those belong to the program's own threads. */
#ifndef PROTO_NET_THREAD_H
#define PROTO_NET_THREAD_H

#include <pthread.h>
#include <stddef.h>

/* As pthread_create, with all signals blocked in the new thread. stack_bytes 0: the system's
 * default. Returns 0 or an errno. */
int thread_start(pthread_t *thread, size_t stack_bytes, void *(*run)(void *arg), void *arg);

#endif
