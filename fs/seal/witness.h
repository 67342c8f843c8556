/* How does a dying writer end? A process inside a Landlock domain is not told (the code reads 0 to
 * whom may not trace the process), so a process outside, the witness, reads it for us.
 *
 * One question and one answer at a time over a SOCK_SEQPACKET pair, of fixed size and numbered. A
 * witness that is silent for WITNESS_WAIT_MS, has died or talks nonsense means: not known. It is
 * never guessed. */
#ifndef FS_SEAL_WITNESS_H
#define FS_SEAL_WITNESS_H

#include <stdbool.h>
#include <sys/types.h>
#include "fs/seal/writer.h"

enum { WITNESS_WAIT_MS = 1000 };

/* ---- of who asks ---- */

/* From now on this process asks over `sock` (which stays the caller's), -1: it looks itself. Not
 * beside other threads that ask. */
void witness_use(int sock);
bool witness_in_use(void);

/* How the thread ends, which is known to be exiting. WRITER_ENDS if that cannot be known. Any
 * thread; blocks for WITNESS_WAIT_MS at most, and for those that asked before. */
enum writer_end witness_ask(pid_t tid);

/* ---- of who answers ---- */

/* Answers one question, waiting for it. 0, also if it was nonsense; -1: nobody asks any more. */
int witness_answer(int sock);

#endif
