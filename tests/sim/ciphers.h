/* An eye on every encryption: the linker leads the three ciphers that the protocol uses through
 * here
 * (--wrap), and nothing may be encrypted twice under one key and nonce. */
#ifndef SIM_CIPHERS_H
#define SIM_CIPHERS_H

#include <stdbool.h>
#include <stdint.h>

void ciphers_forget(void);    /* begins anew: keys of one seed do not meet those of the next */
bool ciphers_reused(void);    /* since then, was a pair of key and nonce used twice? */
uint64_t ciphers_count(void); /* encryptions since then */

#endif
