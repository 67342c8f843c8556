/* The PGP word list: 256 two-syllable ("even") and 256 three-syllable ("odd") words, lower case.
 * Source: Juola and Zimmermann's list as in upstream's _wordlist.py. */
#ifndef PROTO_WORDLIST_H
#define PROTO_WORDLIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WORDLIST_WORD_MAX = 11 }; /* letters of the longest word */

const char *wordlist_even(uint8_t byte);
const char *wordlist_odd(uint8_t byte);
/* Is word[0..len) in either list, compared without regard to ASCII case? */
bool wordlist_has(const char *word, size_t len);

#endif
