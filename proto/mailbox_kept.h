/* The bodies that a mailbox keeps, in the order in which they are added to the server again: pake,
 * version, the numbers ascending, then all others as they came. For mailbox.c. */
#ifndef PROTO_MAILBOX_KEPT_H
#define PROTO_MAILBOX_KEPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "bytes.h"
#include "limits.h"

struct mailbox_kept {
    struct mailbox_kept *next;
    char phase[PHASE_LEN_MAX + 1];
    struct bytes body;
    bool there;  /* seen on the server in this connection, or sent on it after the fence */
    bool echoed; /* was seen on the server, in this connection or an earlier one */
};

/* Copies phase (1..PHASE_LEN_MAX characters, not in the list yet) and body. NULL when out of
 * memory. */
struct mailbox_kept *mailbox_kept_insert(struct mailbox_kept **list, const char *phase,
                                         const void *body, size_t len);
struct mailbox_kept *mailbox_kept_find(struct mailbox_kept *list, const char *phase);
bool mailbox_kept_remove(struct mailbox_kept **list, const char *phase); /* false if not there */
void mailbox_kept_release(struct mailbox_kept **list);

#endif
