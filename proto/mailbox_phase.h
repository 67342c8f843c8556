/* The names of phases in a mailbox: "pake", "version", the decimal numbers, and ephemeral ones. */
#ifndef PROTO_MAILBOX_PHASE_H
#define PROTO_MAILBOX_PHASE_H

#include <stdbool.h>
#include <stdint.h>
#include "limits.h"
#include "now.h"

/* The number of a numeric phase as upstream writes it (decimal, no sign, no leading zeros, less
 * than 2^64 - 2); false, and *number untouched, if `phase` is none. */
bool mailbox_phase_number(const char *phase, uint64_t *number);
/* Is it 'e' and 16 lower-case hex digits? */
bool mailbox_phase_is_ephemeral(const char *phase);
/* Is it "pake", "version" or a number: one of those that are kept and added again? */
bool mailbox_phase_is_lasting(const char *phase);

/* Writers: `out` has PHASE_LEN_MAX+1 bytes. */
void mailbox_phase_of_number(char out[static PHASE_LEN_MAX + 1], uint64_t number);
void mailbox_phase_draw(char out[static PHASE_LEN_MAX + 1], struct now *now); /* ephemeral */

#endif
