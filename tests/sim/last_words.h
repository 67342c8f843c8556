/* A seed that dies (an assert, a signal, a sanitizer) or never ends still tells which one it was.
 */
#ifndef SIM_LAST_WORDS_H
#define SIM_LAST_WORDS_H

#include <stdint.h>

/* Once: who listens for signals. */
void last_words_begin(void);
/* From now on this seed runs; `line` reproduces it and is copied. It may take cpu_s seconds of the
 * processor, for a slow machine is no fault. */
void last_words_set(uint64_t seed, const char *line, unsigned cpu_s);
void last_words_end(void); /* no seed runs any more */

#endif
