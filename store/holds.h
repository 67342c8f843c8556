/* Counts, in memory, who in this process still uses a node. For store/ itself; see node_hold.
 * Thread-safe; its lock is a leaf. */
#ifndef STORE_HOLDS_H
#define STORE_HOLDS_H

#include <pthread.h>
#include "store/inomap.h"

struct holds {
    pthread_mutex_t lock;
    struct inomap map; /* value: how many; flag: doomed, to be deleted when the last one goes */
};

int holds_init(struct holds *h);
void holds_release(struct holds *h);
int holds_add(struct holds *h, uint64_t ino); /* 0 or NOMEM */
/* Takes `count` away. True if that was the last and the node was doomed. */
bool holds_drop(struct holds *h, uint64_t ino, uint64_t count);
/* Is it held? If so it is doomed from now on. */
bool holds_doom(struct holds *h, uint64_t ino);
bool holds_has(struct holds *h, uint64_t ino);
uint64_t holds_count(struct holds *h, uint64_t ino);
bool holds_is_doomed(struct holds *h, uint64_t ino);

#endif
