/* Wormhole codes: NAMEPLATE-word-word, their words from the PGP word list. Pure. */
#ifndef PROTO_CODE_H
#define PROTO_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include "now.h"

enum {
    CODE_TEXT_MAX = 128,     /* longest code accepted, without the NUL */
    CODE_NAMEPLATE_MAX = 40, /* the mailbox server's own bound */
    CODE_WORDS_MAX = 8,
};

/* Writes "NAMEPLATE-word-word…" with `words` (1..CODE_WORDS_MAX) random words, the first from the
 * odd (three-syllable) list, then alternating, as upstream does. `out` has CODE_TEXT_MAX+1 bytes.
 * 0, or PROTO_ERR_INVALID if the nameplate is not 1..CODE_NAMEPLATE_MAX digits, or so long that
 * `words` words might not fit behind it (33 and more for eight). */
int code_generate(char *out, const char *nameplate, unsigned words, struct now *now);

/* Is `text` a code that somebody may have been given: digits (1..40), a dash, and further printable
 * ASCII characters, no white space, no control character? Stock clients ask no more of a code than
 * digits before its first dash and no space, as a sender may choose his own (`--code`): so
 * nameplate 0 and empty words pass. But one of them must have a word: `7--` keeps no secret, and is
 * a slip. (Non-ASCII codes would need NFC normalisation and are refused.) 0 or PROTO_ERR_INVALID.
 */
int code_check(const char *text);

/* Stricter: NUMBER and at least two words that are all in the PGP word list (case-insensitive).
 * This is what a directory name must be to mean "join". */
bool code_is_pgp(const char *text);

/* NUMBER and at least two words of letters, of which some are in the list and some are not. */
bool code_is_mistyped(const char *text);

/* Copies the digits before the first dash. `out` has CODE_NAMEPLATE_MAX+1 bytes. 0 or
 * PROTO_ERR_INVALID. */
int code_nameplate(char *out, const char *code);

#endif
