/* One digest of everything that leaves a peer, for comparing two lives of one seed: texts to the
 * server, what is written to disks and where, the bytes of bulk streams, and what the ciphers make.
 * The linker leads stream_send through here (--wrap). Off, it costs nothing. */
#ifndef SIM_OUTPUTS_H
#define SIM_OUTPUTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "store/io.h"

void outputs_begin(bool on);
void outputs_add(const void *data, size_t len);
uint64_t outputs_digest(void);
/* The same disk, watched. Valid until the next call for the same peer. */
const struct io *outputs_watch(int peer, const struct io *io);

#endif
