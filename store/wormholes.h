/* Wormholes: the projection's rows, and the turns that make and close them. The id of a wormhole is
 * the inode number of its directory.
 *
 * A directory whose name is a code that nobody has used yet must not show it in events: it is made
 * with hidden=true. Then its real name is kept in a secret (and used for lookups), the row and the
 * events show "7-…", until wormhole_rename gives it an open name (also the same one, when the code
 * is used up: wormhole_reveal). */
#ifndef STORE_WORMHOLES_H
#define STORE_WORMHOLES_H

#include "store/log.h"
#include "store/nodes.h"

enum wormhole_state {
    WORMHOLE_NEW = 1, /* no code yet */
    WORMHOLE_WAITING, /* has a code, nobody has joined */
    WORMHOLE_JOINING, /* a code was given, the key is being agreed */
    WORMHOLE_PAIRED,
    WORMHOLE_CLOSED, /* by the peer, or a stock transfer is done */
    WORMHOLE_FAILED,
    WORMHOLE_CLOSING, /* our user removed it: not in the tree any more, only finishing */
};

enum wormhole_peer { WORMHOLE_PEER_NONE = 0, WORMHOLE_PEER_STOCK, WORMHOLE_PEER_WORMHOLEFS };

enum wormhole_code {
    WORMHOLE_CODE_NONE = 0,
    WORMHOLE_CODE_WANTED,
    WORMHOLE_CODE_READY, /* allocated; the text is in secrets.h */
    WORMHOLE_CODE_USED,
    WORMHOLE_CODE_WAITS, /* burnt too often: until the next read */
};

enum { WORMHOLE_TEXT_MAX = 1024, WORMHOLE_WORD_MAX = 64 };

struct wormhole {
    uint64_t id; /* == dir_ino */
    enum wormhole_state state;
    struct name name;               /* the real one; len 0 when hidden or CLOSING */
    char shown[NAME_SHOWN_MAX + 1]; /* for events, state and logs */
    bool hidden;                    /* the name is a code, see wormhole_name: show only `shown` */
    bool draft;                     /* this is what new/ shows */
    uint64_t outbox_ino, inbox_ino, code_ino, state_ino;
    enum wormhole_code code;
    char nameplate[WORMHOLE_WORD_MAX]; /* "" if none */
    int64_t code_read_ms;              /* of the current code's first read, 0 if it was not */
    uint32_t burnt;                    /* codes burnt in a row */
    enum wormhole_peer peer;
    char peer_version[WORMHOLE_WORD_MAX];
    char problem[WORMHOLE_TEXT_MAX + 1]; /* "" if none */
    uint64_t sent_count;
    char sent_last[NAME_SHOWN_MAX + 1]; /* "" if none */
    char sent_how[WORMHOLE_WORD_MAX];
    int64_t sent_ms;
    uint64_t received_count;
    uint64_t last_event;
    int64_t created_ms, paired_ms, closed_ms;
    bool was_used; /* something was ever put into its outbox */
    bool was_told; /* a code of it was ever read, or somebody has ever joined it */
};

int wormhole_get(struct view *v, uint64_t id, struct wormhole *out); /* 0 or NOT_FOUND */
/* The real name, also of a hidden one, which is a secret: the caller wipes it. Len 0 when CLOSING.
 * 0 or NOT_FOUND. */
int wormhole_name(struct view *v, uint64_t id, struct name *out);
/* By the name in the root; hidden names are found, CLOSING ones are not. */
int wormhole_find(struct view *v, const char *name, size_t len, uint64_t *id);
/* In the order of their ids, id > after; CLOSING ones too. Non-zero from fn stops. */
int wormhole_each(struct view *v, uint64_t after, int (*fn)(void *arg, const struct wormhole *w),
                  void *arg);
int wormhole_draft(struct view *v, uint64_t *id);      /* 0 or NOT_FOUND */
int wormhole_number(struct view *v, struct name *out); /* the next free number, "1", "2", … */

/* Which wormhole does any node belong to, and in which box? Structural nodes, entries and what is
 * below them. `box` is NODE_OUTBOX, NODE_INBOX, NODE_WORMHOLE (the node is structural) or 0
 * (staged). 0 or NOT_FOUND. */
struct wormhole_place {
    uint64_t wormhole;
    uint64_t entry;
    enum node_type box;
};
int wormhole_of(struct view *v, uint64_t ino, struct wormhole_place *out);

struct wormhole_new {
    struct name name;
    const char *hidden_as; /* "7-…" if the name is a code, else NULL */
    bool draft;            /* becomes the draft; the one before, if any, stops being it */
};

/* Makes the directory, boxes and control files, and the event. 0 or EXISTS. */
int wormhole_create(struct turn *t, const struct wormhole_new *what, uint64_t *id);

/* Gives it an open name; a draft that is named is no draft any more. 0, NOT_FOUND, EXISTS. */
int wormhole_rename(struct turn *t, uint64_t id, const struct name *name);
int wormhole_reveal(struct turn *t, uint64_t id); /* a hidden name becomes open; no-op otherwise */

/* After rmdir of an empty box or unlink of a control file: the same thing under a new inode number.
 * `box` is one of the last four types. NOT_EMPTY. */
int wormhole_box_renew(struct turn *t, uint64_t id, enum node_type box, uint64_t *ino);

/* rmdir of the wormhole: NOT_EMPTY unless both boxes are empty. It leaves the tree; its row,
 * secrets and queues stay for the closing message until wormhole_forget. */
int wormhole_close(struct turn *t, uint64_t id);

/* Erases the row, secrets, ciphertexts, queues, revisions and arrivals of a CLOSING wormhole. */
int wormhole_forget(struct turn *t, uint64_t id);

/* Appends an event of this wormhole that carries nothing but (optionally) one text under `key`:
 * wormhole_event(t, id, LOG_PROBLEM, "text", "…"). The text is cut to LOG_TEXT_BYTES_MAX. */
int wormhole_event(struct turn *t, uint64_t id, enum log_type type, const char *key,
                   const char *text);

#endif
