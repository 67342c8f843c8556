/* The memory of SQLite. It has keys and codes in rows, in pages, and in what it makes of them, and
 * gives memory back as it is; here all of it is wiped. So it may not keep any for itself, either:
 * no lookaside, no slabs of pages. Nor does it count, which it would do under one lock at each
 * allocation of every thread, and which nobody here asks for. */
#ifndef STORE_HEAP_H
#define STORE_HEAP_H

/* For a main(), before anything else uses SQLite; after its first use it changes nothing. */
void heap_prepare(void);

#endif
