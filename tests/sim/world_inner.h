/* The inside of a world: what world.c, world_net.c and world_user.c share. */
#ifndef SIM_WORLD_INNER_H
#define SIM_WORLD_INNER_H

#include "fs/engine/session.h"
#include "proto/net/race.h"
#include "proto/transit.h"
#include "store/wormholes.h"
#include "tests/sim/dice.h"
#include "tests/sim/network.h"
#include "tests/sim/world.h"

enum {
    RECONNECT_MS = 200,
    STEPS_MAX = 5000000,
    COMMANDS_MAX = 4096,
    LINKS_MAX = 64,
    ATTEMPTS_MAX = 64,
    SESSION_STEP_MS = 1000,
};

enum command_kind {
    COMMAND_OPEN,
    COMMAND_SEND,
    COMMAND_CLOSE,
    COMMAND_MOVE,
    COMMAND_LISTEN,
    COMMAND_START,
    COMMAND_STOP,
};

/* What an engine let go, waiting to be carried out: no engine_out function may call back. */
struct command {
    struct command *next;
    enum command_kind kind;
    uint64_t wormhole, attempt;
    enum wormhole_link link;
    char *text;
    size_t len;
    struct transit_plan *plan; /* START */
};

struct link {
    bool used;
    uint64_t wormhole;
    enum wormhole_link link;
    uint64_t connection; /* 0: not connected */
    int64_t try_ms;
};

struct attempt {
    bool used;
    uint64_t wormhole, number;
    struct tcp_listener listener;
    struct transit_plan *plan; /* from its start */
    char side[TRANSIT_SIDE_LEN + 1];
    struct race *race;     /* from its start until it is decided */
    int64_t race_ms;       /* when it is stepped, even if nothing has changed … */
    uint64_t race_changes; /* … in the network since this */
    struct stream *stream;
    struct session *session;
    int64_t step_ms; /* when it is stepped at the latest, as the daemon's loop does */
};

struct peer {
    struct world *w;
    int index;
    char dir[64];
    const struct io *io;
    bool made_dir; /* a real one, ours to remove */
    bool running;
    struct store *store;
    struct engine *engine;
    struct command *first, **last;
    struct link links[LINKS_MAX];
    struct attempt attempts[ATTEMPTS_MAX];
    bool jobs;
};

/* Something that the server said and that has not arrived yet. */
struct mail {
    struct mail *next;
    struct mailbox_server_output *o;
    int64_t due_ms;
};

struct world {
    int64_t now_ms;
    uint64_t draws;
    uint64_t seed;
    bool server_up;
    struct mailbox_server *server;
    struct relay *relay;
    struct network *network;
    uint64_t connected[2]; /* directly, by the relay */
    struct world_options options;
    struct dice dice;
    struct mail *mail; /* under way from the server, in the order of sending */
    struct peer peers[WORLD_PEERS_MAX];
    int peer_count;
    int turn; /* whose step comes first: they take turns */
};

void world_must(bool ok, const char *what);
__attribute__((format(printf, 2, 3))) void world_trace(const struct peer *p, const char *format,
                                                       ...);

/* world_net.c: an engine's outputs and the network that carries them out. */
struct engine_out peer_out(struct peer *p);
bool peer_command(struct peer *p);             /* carries out one thing that was let go */
bool peer_connect(struct peer *p);             /* one link that is down */
bool peer_race(struct peer *p);                /* each race for a bulk connection, one round */
bool peer_session(struct peer *p);             /* each bulk session, one round */
int64_t peer_transit_ms(const struct peer *p); /* when one is due even if nothing comes */
void peer_unplug(struct peer *p);              /* it was killed: nobody tells it */
void link_lost(struct peer *p, struct link *l);
bool mail_step(struct world *w); /* one thing that the server said */
int64_t mail_due_ms(const struct world *w);
void mail_release(struct world *w);

#endif
