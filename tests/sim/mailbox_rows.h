/* What a mailbox server has on disk: nameplates, mailboxes, who has touched them, messages. Rules
 * as in magic-wormhole-mailbox-server. In-memory, for mailbox_server.c. Out of memory ends the
 * test. */
#ifndef SIM_MAILBOX_ROWS_H
#define SIM_MAILBOX_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct row_side {
    struct row_side *next;
    char *side;
    bool active; /* of a mailbox: opened and not closed; of a nameplate: claimed and not released */
};

struct row_message {
    struct row_message *next;
    char *appid, *mailbox;
    char *side, *phase, *body;
    char *id; /* NULL if the client gave none */
    int64_t rx_ms;
};

struct row_mailbox {
    struct row_mailbox *next;
    char *appid, *id;
    int64_t updated_ms;
    struct row_side *sides; /* never shrinks while the mailbox exists */
};

struct row_nameplate {
    struct row_nameplate *next;
    char *appid, *name, *mailbox;
    struct row_side *sides;
};

struct mailbox_rows {
    struct row_mailbox *mailboxes;
    struct row_nameplate *nameplates;
    struct row_message *messages; /* oldest first; perhaps of a mailbox that was forgotten */
};

void mailbox_rows_release(struct mailbox_rows *rows);

struct row_mailbox *mailbox_rows_mailbox(struct mailbox_rows *rows, const char *appid,
                                         const char *id); /* NULL if none */
struct row_nameplate *mailbox_rows_nameplate(struct mailbox_rows *rows, const char *appid,
                                             const char *name);

/* Makes the mailbox if it is missing, enters the side for good, touches it. *crowded: more than two
 * sides have been entered, this one perhaps among them: it stays entered all the same. */
struct row_mailbox *mailbox_rows_open(struct mailbox_rows *rows, const char *appid, const char *id,
                                      const char *side, int64_t now_ms, bool *crowded);
/* Claims, making a nameplate that leads to `fresh` if there is none. NULL if this side had released
 * it. The caller opens the mailbox afterwards. */
struct row_nameplate *mailbox_rows_claim(struct mailbox_rows *rows, const char *appid,
                                         const char *name, const char *side, const char *fresh);
void mailbox_rows_release_nameplate(struct mailbox_rows *rows, const char *appid, const char *name,
                                    const char *side);
const struct row_message *mailbox_rows_add(struct mailbox_rows *rows, const char *appid,
                                           const char *mailbox, const char *side, const char *phase,
                                           const char *body, const char *id, int64_t now_ms);
/* The first message of a mailbox in the list that begins with `m` (NULL is empty), or NULL. */
const struct row_message *mailbox_rows_find(const struct row_message *m, const char *appid,
                                            const char *mailbox);

enum mailbox_rows_closed {
    ROWS_STILL_OPEN, /* another side has it open */
    ROWS_DELETED,
    ROWS_STILL_NAMED, /* a nameplate leads to it, and `strict`: messages and sides are gone, the
                         rest stays */
};
/* `strict`: as the release 0.4.1, whose database refuses to delete a mailbox that has a nameplate.
 */
enum mailbox_rows_closed mailbox_rows_close(struct mailbox_rows *rows, const char *appid,
                                            const char *id, const char *side, bool strict);

/* Deletes the mailboxes that were last touched at or before `old_ms`, with their nameplates. */
void mailbox_rows_prune(struct mailbox_rows *rows, int64_t old_ms);
/* Deletes one mailbox with its nameplates. */
void mailbox_rows_forget(struct mailbox_rows *rows, struct row_mailbox *mailbox);

#endif
