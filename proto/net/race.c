#include "proto/net/race.h"

#include <assert.h>
#include <stdlib.h>

#include "proto/net/contender.h"
#include "proto/net/limits.h"
#include "proto/net/resolve.h"

enum { ACCEPT_PAUSE_MS = 1000 };

/* One hint of the peer, or a relay. */
enum candidate_state { CANDIDATE_LATER, CANDIDATE_RESOLVING, CANDIDATE_DONE };

struct candidate {
    enum candidate_state state;
    int64_t at_ms;
};

enum {
    DIALLED_MAX = HINTS_MAX,
    CONTENDERS_MAX = DIALLED_MAX + RACE_INCOMING_MAX,
    FIXED_FDS = 3, /* the caller's, IPv4 and IPv6 listeners */
};

/* What was dialled of one kind of hint; what failed stays noted. */
struct dialled {
    union address at[HINTS_DIRECT_MAX]; /* of relays, HINTS_RELAY_MAX at most */
    size_t count;
};

struct race {
    struct race_options options;
    int64_t end_ms;
    int64_t accept_at_ms;                        /* after running out of descriptors */
    struct candidate candidates[HINTS_MAX];      /* of the hint with the same index */
    struct dialled dialled[HINT_RELAY + 1];      /* by kind */
    struct contender contenders[CONTENDERS_MAX]; /* the dialled, then the incoming */
    struct contender *selected;
    /* What is polled: the fixed ones, then contenders[polled[i]]. */
    struct pollfd fds[FIXED_FDS + CONTENDERS_MAX];
    struct contender *polled[CONTENDERS_MAX];
    size_t polled_count;
};

/* -- the start -------------------------------------------------------------------------------- */

static void init(struct race *r, const struct race_options *options, int64_t now_ms)
{
    const struct hint_list *hints = &options->plan->hints;
    int64_t delay_ms = hints_count(hints, HINT_DIRECT) > 0 ? RACE_RELAY_DELAY_MS : 0;

    r->options = *options;
    r->end_ms = now_ms + RACE_MS;
    for (size_t i = 0; i < HINTS_MAX; i++)
        r->candidates[i].state = i < hints->count ? CANDIDATE_LATER : CANDIDATE_DONE;
    for (size_t i = 0; i < hints->count; i++)
        r->candidates[i].at_ms = now_ms + (hints->at[i].kind == HINT_RELAY ? delay_ms : 0);
}

/* -- dialling --------------------------------------------------------------------------------- */

static struct contender *free_among(struct contender *first, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (first[i].state == CONTENDER_FREE)
            return &first[i];
    return NULL;
}

/* False if it must not be dialled: it was before, however the peer spelt it then, or enough were.
 */
static bool note_dialled(struct race *r, enum hint_kind kind, const union address *to)
{
    struct dialled *dialled = &r->dialled[kind];
    unsigned ports = 0;

    for (size_t i = 0; i < dialled->count; i++) {
        if (address_is_same(&dialled->at[i], to))
            return false;
        ports += address_is_same_host(&dialled->at[i], to);
    }
    if (kind == HINT_DIRECT && ports == RACE_PORTS_MAX)
        return false;
    if (dialled->count == (kind == HINT_RELAY ? HINTS_RELAY_MAX : HINTS_DIRECT_MAX))
        return false;
    dialled->at[dialled->count++] = *to;
    return true;
}

static void dial(struct race *r, const struct hint *hint, const struct resolve_answer *found,
                 int64_t now_ms)
{
    const char *relay_side = hint->kind == HINT_RELAY ? r->options.relay_side : NULL;

    for (size_t i = 0; i < found->count && i < RACE_ADDRESSES_MAX; i++) {
        union address to = found->at[i];
        address_set_port(&to, hint->port);
        if (!note_dialled(r, hint->kind, &to))
            continue;
        struct contender *c = free_among(r->contenders, DIALLED_MAX);
        assert(c != NULL); /* a place for each that is noted */
        contender_dial(c, &to, r->options.plan, relay_side, now_ms);
    }
}

static void resolve(struct race *r, struct candidate *candidate, const struct hint *hint,
                    int64_t now_ms)
{
    struct resolve_answer answer;

    candidate->state = CANDIDATE_RESOLVING;
    resolve_lookup(r->options.resolver, hint->host, false, &answer);
    if (answer.state == RESOLVE_PENDING)
        return;
    candidate->state = CANDIDATE_DONE;
    if (answer.state == RESOLVE_FOUND)
        dial(r, hint, &answer, now_ms);
}

static void advance_candidates(struct race *r, int64_t now_ms)
{
    const struct hint_list *hints = &r->options.plan->hints;

    for (size_t i = 0; i < hints->count; i++) {
        struct candidate *c = &r->candidates[i];
        if (c->state == CANDIDATE_RESOLVING || (c->state == CANDIDATE_LATER && now_ms >= c->at_ms))
            resolve(r, c, &hints->at[i], now_ms);
    }
}

/* What was not looked up yet is of no use any more, and must not keep others waiting. */
static void give_up_candidates(struct race *r)
{
    const struct hint_list *hints = &r->options.plan->hints;

    for (size_t i = 0; i < hints->count; i++) {
        if (r->candidates[i].state == CANDIDATE_RESOLVING)
            resolve_give_up(r->options.resolver, hints->at[i].host);
        r->candidates[i].state = CANDIDATE_DONE;
    }
}

/* -- what comes in ---------------------------------------------------------------------------- */

/* A place for one who comes in: a free one, or that of the stranger who has been silent for the
 * longest time, so that nobody can keep the peer out by filling the places. */
static struct contender *place_for_incoming(struct race *r)
{
    struct contender *first = r->contenders + DIALLED_MAX, *oldest = NULL;
    struct contender *c = free_among(first, RACE_INCOMING_MAX);

    if (c != NULL)
        return c;
    for (size_t i = 0; i < RACE_INCOMING_MAX; i++)
        if (contender_is_stranger(&first[i]) &&
            (oldest == NULL || first[i].since_ms < oldest->since_ms))
            oldest = &first[i];
    if (oldest != NULL)
        contender_drop(oldest);
    return oldest;
}

static void accept_some(struct race *r, int listening_fd, int64_t now_ms)
{
    for (int i = 0; i < RACE_INCOMING_MAX; i++) {
        int fd = tcp_accept(listening_fd);
        if (fd == -2)
            r->accept_at_ms = now_ms + ACCEPT_PAUSE_MS;
        if (fd < 0)
            return;
        struct contender *c = place_for_incoming(r);
        if (c != NULL)
            contender_accept(c, fd, r->options.plan, now_ms);
        else
            tcp_close(fd);
    }
}

/* -- the contenders --------------------------------------------------------------------------- */

static void drop_all_but(struct race *r, const struct contender *stays)
{
    for (size_t i = 0; i < CONTENDERS_MAX; i++)
        if (&r->contenders[i] != stays)
            contender_drop(&r->contenders[i]);
}

static void select_contender(struct race *r, struct contender *c)
{
    r->selected = c;
    drop_all_but(r, c);
    give_up_candidates(r);
}

static void advance_contenders(struct race *r, int64_t now_ms)
{
    for (size_t i = 0; i < r->polled_count && r->selected == NULL; i++) {
        struct contender *c = r->polled[i];
        if (r->fds[FIXED_FDS + i].revents != 0)
            contender_ready(c, r->fds[FIXED_FDS + i].revents, now_ms);
        else if (now_ms >= c->deadline_ms)
            contender_drop(c);
        if (contender_is_selected(c))
            select_contender(r, c);
    }
}

/* -- waiting ---------------------------------------------------------------------------------- */

static void prepare_poll(struct race *r, int64_t now_ms)
{
    const struct tcp_listener *l = r->options.listener;
    bool accepting = r->selected == NULL && now_ms >= r->accept_at_ms;

    r->fds[0] = (struct pollfd){.fd = -1};
    r->fds[1] = (struct pollfd){.fd = accepting ? l->v4_fd : -1, .events = POLLIN};
    r->fds[2] = (struct pollfd){.fd = accepting ? l->v6_fd : -1, .events = POLLIN};
    r->polled_count = 0;
    for (size_t i = 0; i < CONTENDERS_MAX; i++) {
        struct contender *c = &r->contenders[i];
        if (c->state == CONTENDER_FREE)
            continue;
        r->fds[FIXED_FDS + r->polled_count] =
            (struct pollfd){.fd = c->fd, .events = contender_events(c)};
        r->polled[r->polled_count++] = c;
    }
}

static int64_t min_ms(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t next_deadline_ms(const struct race *r, int64_t now_ms)
{
    int64_t next_ms = r->end_ms;

    for (size_t i = 0; i < HINTS_MAX; i++)
        if (r->candidates[i].state == CANDIDATE_LATER)
            next_ms = min_ms(next_ms, r->candidates[i].at_ms);
    for (size_t i = 0; i < r->polled_count; i++)
        next_ms = min_ms(next_ms, r->polled[i]->deadline_ms);
    if (r->accept_at_ms > now_ms)
        next_ms = min_ms(next_ms, r->accept_at_ms);
    return next_ms;
}

/* Nobody is in the race any more and nobody can join. */
static bool is_hopeless(const struct race *r)
{
    if (r->options.listener->port != 0)
        return false;
    for (size_t i = 0; i < HINTS_MAX; i++)
        if (r->candidates[i].state != CANDIDATE_DONE)
            return false;
    for (size_t i = 0; i < CONTENDERS_MAX; i++)
        if (r->contenders[i].state != CONTENDER_FREE)
            return false;
    return true;
}

static bool is_lost(const struct race *r, int64_t now_ms)
{
    if (r->selected != NULL && r->selected->state == CONTENDER_FREE)
        return true;
    return now_ms >= r->end_ms || is_hopeless(r);
}

/* -- the calls -------------------------------------------------------------------------------- */

struct race *race_begin(const struct race_options *options, int64_t now_ms)
{
    struct race *r = calloc(1, sizeof(*r));

    if (r != NULL)
        init(r, options, now_ms);
    return r;
}

enum race_state race_prepare(struct race *r, int64_t now_ms, struct race_wait *wait)
{
    advance_candidates(r, now_ms);
    if (is_lost(r, now_ms))
        return RACE_LOST;
    prepare_poll(r, now_ms);
    wait->fds = r->fds;
    wait->count = FIXED_FDS + r->polled_count;
    wait->until_ms = next_deadline_ms(r, now_ms);
    return RACE_ON;
}

/* The chosen one alone, until nothing of its handshake is left. */
static enum race_state step_selected(struct race *r, int64_t now_ms)
{
    if (now_ms >= r->selected->deadline_ms)
        contender_drop(r->selected);
    else if (r->selected->state != CONTENDER_CHOSEN)
        contender_ready(r->selected, r->fds[FIXED_FDS].revents, now_ms);
    return r->selected->state == CONTENDER_CHOSEN ? RACE_WON : RACE_ON;
}

enum race_state race_step(struct race *r, int64_t now_ms)
{
    if (r->selected != NULL)
        return step_selected(r, now_ms);
    advance_contenders(r, now_ms);
    for (size_t i = 1; i < FIXED_FDS && r->selected == NULL; i++)
        if (r->fds[i].revents != 0)
            accept_some(r, r->fds[i].fd, now_ms);
    return r->selected != NULL && r->selected->state == CONTENDER_CHOSEN ? RACE_WON : RACE_ON;
}

int race_take(struct race *r, const char **kind)
{
    *kind = r->selected->relayed ? "relay" : "direct";
    return contender_take(r->selected);
}

void race_end(struct race *r)
{
    if (r == NULL)
        return;
    drop_all_but(r, NULL);
    give_up_candidates(r);
    free(r);
}
