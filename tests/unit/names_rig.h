/* The system's resolver as the tests of names want it, in place of getaddrinfo:
 *
 *     slow-…   hangs until names_let_go, then is nobody
 *     quick-…  127.0.0.1
 *     two-N    127.0.N.1 and 127.0.N.2
 *
 * Every other name goes to the system. */
#ifndef TESTS_UNIT_NAMES_RIG_H
#define TESTS_UNIT_NAMES_RIG_H

#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool let_go;
    unsigned slow; /* lookups of slow names that have begun */
} names = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static inline void names_init(void)
{
    pthread_mutex_lock(&names.lock);
    names.let_go = false;
    names.slow = 0;
    pthread_mutex_unlock(&names.lock);
}

static inline void names_let_go(void)
{
    pthread_mutex_lock(&names.lock);
    names.let_go = true;
    pthread_cond_broadcast(&names.changed);
    pthread_mutex_unlock(&names.lock);
}

static inline unsigned names_slow(void)
{
    pthread_mutex_lock(&names.lock);
    unsigned n = names.slow;
    pthread_mutex_unlock(&names.lock);
    return n;
}

static inline int names_hang(void)
{
    pthread_mutex_lock(&names.lock);
    names.slow++;
    while (!names.let_go)
        pthread_cond_wait(&names.changed, &names.lock);
    pthread_mutex_unlock(&names.lock);
    return EAI_NONAME;
}

static inline int names_system(const char *host, const char *service, const struct addrinfo *hints,
                               struct addrinfo **found)
{
    int (*system)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    void *symbol = dlsym(RTLD_NEXT, "getaddrinfo");

    memcpy(&system, &symbol, sizeof(system));
    return system(host, service, hints, found);
}

static inline int names_two(const char *number, const struct addrinfo *hints,
                            struct addrinfo **found)
{
    char host[32];

    snprintf(host, sizeof(host), "127.0.%.3s.1", number);
    int err = names_system(host, NULL, hints, found);
    if (err != 0)
        return err;
    snprintf(host, sizeof(host), "127.0.%.3s.2", number);
    return names_system(host, NULL, hints, &(*found)->ai_next);
}

int getaddrinfo(const char *restrict host, const char *restrict service,
                const struct addrinfo *restrict hints, struct addrinfo **restrict found)
{
    if (strncmp(host, "slow-", 5) == 0)
        return names_hang();
    if (strncmp(host, "two-", 4) == 0)
        return names_two(host + 4, hints, found);
    return names_system(strncmp(host, "quick-", 6) == 0 ? "127.0.0.1" : host, service, hints,
                        found);
}

#endif
