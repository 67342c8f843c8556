/* The daemon's parts, put together and taken apart in the right order: store, face, engine,
 * sealing; then the session on an open /dev/fuse, the network and the chores. Knows nothing of
 * mounting, of processes or of signals. */
#ifndef FS_SERVICE_H
#define FS_SERVICE_H

#include <sys/types.h>

struct options;
struct service;

enum { SERVICE_WHY_MAX = 512 };

/* Opens the store and what lives in it; starts no thread that talks to anybody. 0, or a negative
 * enum store_error (LOCKED: another process has it) with a sentence in why (SERVICE_WHY_MAX bytes).
 * `options` is not kept. uid, gid: the owner of everything that the mount shows. */
int service_open(struct service **out, const struct options *options, const char *store_dir,
                 uid_t uid, gid_t gid, char *why);

/* Takes over the descriptor of a mounted /dev/fuse, also on failure, and starts everything.
 * Requests are answered once service_loop runs. 0 or a negative error, with a sentence in why. */
int service_start(struct service *s, int fuse_fd, char *why);

/* Answers requests until the file system is unmounted or service_end is called. 0, or a negative
 * errno if it could not go on. */
int service_loop(struct service *s);

/* Makes service_loop return soon. Any thread, from service_start on. */
void service_end(struct service *s);

/* Orderly: what was accepted is in the store, everything else ends. Accepts NULL. */
void service_close(struct service *s);

#endif
