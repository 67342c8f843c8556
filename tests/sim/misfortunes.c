/* What goes wrong in a seed. */
#include <errno.h>
#include <string.h>
#include "tests/sim/seed_inner.h"

enum { AWAY_MS_MAX = 20000, RELAY_LATE_MS = 90000, FAR_CALLS = 400, NEAR_CALLS = 12 };

static void struck(struct seed *s, enum fault fault)
{
    s->result->faults[fault]++;
}

static int any_peer(struct seed *s)
{
    return (int)dice_below(&s->dice, (uint64_t)s->peers);
}

/* Often just ahead, where the last thing that was done is still in the making. */
static uint64_t calls_ahead(struct seed *s)
{
    return 1 + dice_below(&s->dice, dice_below(&s->dice, 2) == 0 ? NEAR_CALLS : FAR_CALLS);
}

static void kill_soon(struct seed *s, enum disk_loss loss)
{
    int peer = any_peer(s);
    struct party_state *party = &s->party[peer];
    if (!party->up)
        return;
    party->loss = loss;
    struck(s, loss == DISK_KEEPS ? FAULT_KILL : FAULT_POWER);
    uint64_t calls = calls_ahead(s);
    disk_die_in(party->disk, calls);
    seed_say(s, "%c will %s at call %llu", 'A' + peer,
             loss == DISK_KEEPS ? "die" : "lose its power", (unsigned long long)calls);
}

static void fill_disk(struct seed *s)
{
    struct disk *d = s->party[any_peer(s)].disk;
    struck(s, FAULT_ENOSPC);
    if (dice_below(&s->dice, 2) == 0)
        disk_fail_in(d, calls_ahead(s), ENOSPC, 1 + (unsigned)dice_below(&s->dice, 3));
    else
        disk_set_room(d,
                      dice_below(&s->dice, 2) == 0 ? dice_below(&s->dice, 64 << 10) : UINT64_MAX);
}

static void break_disk(struct seed *s)
{
    struck(s, FAULT_EIO);
    int peer = any_peer(s);
    disk_fail_in(s->party[peer].disk, calls_ahead(s), EIO, 1 + (unsigned)dice_below(&s->dice, 3));
}

static void take_image(struct seed *s, int peer)
{
    struct party_state *party = &s->party[peer];
    if (!party->up || disk_dead(party->disk))
        return;
    ledger_look(s);
    seed_say(s, "the store of %c is copied", 'A' + peer);
    party->image = disk_copy(party->disk);
    party->image_events = party->event_count;
    for (int i = 0; i < s->pair_count; i++) {
        struct pair *p = &s->pairs[i];
        if (pair_has(p, peer))
            p->in_image[pair_end(p, peer)] = p->state == PAIR_PAIRED;
    }
}

static void restore_image(struct seed *s, int peer)
{
    struct party_state *party = &s->party[peer];
    seed_say(s, "the store of %c goes back", 'A' + peer);
    struck(s, FAULT_BACK);
    disk_restore(party->disk, party->image);
    disk_image_free(party->image);
    party->image = NULL;
    party->goes_back = false;
    ledger_went_back(s, peer);
    party->went_back = true;
    s->wire.back = true;
    for (int i = 0; i < s->pair_count; i++) {
        struct pair *p = &s->pairs[i];
        if (!pair_has(p, peer))
            continue;
        p->back = true;
        if (!p->in_image[pair_end(p, peer)] && p->state != PAIR_UNUSED)
            p->state = PAIR_CLOSED; /* this end is from before they had met */
    }
}

/* The files as they are now are kept; or those kept earlier come back, after a kill. */
static void go_back(struct seed *s)
{
    int peer = any_peer(s);
    for (int i = 0; i < s->peers; i++)
        if (s->party[i].image != NULL && dice_below(&s->dice, 4) != 0)
            peer = i;
    struct party_state *party = &s->party[peer];
    if (party->image == NULL) {
        take_image(s, peer);
        return;
    }
    ledger_look(s);
    party->goes_back = true;
    if (party->up)
        disk_die(party->disk); /* misfortunes_died goes on */
    else
        restore_image(s, peer);
}

void misfortunes_died(struct seed *s, int peer)
{
    struct party_state *party = &s->party[peer];
    if (party->goes_back)
        restore_image(s, peer);
}

/* A copy of a store runs beside it for some time. */
static void clone(struct seed *s)
{
    struct party_state *copy = &s->party[SEED_CLONE];
    if (copy->up) {
        seed_say(s, "the clone ends");
        disk_die(copy->disk);
        return;
    }
    int peer = any_peer(s);
    struct party_state *party = &s->party[peer];
    if (disk_dead(copy->disk) || !party->up || disk_dead(party->disk))
        return;
    struct disk_image *image = disk_copy(party->disk);
    disk_restore(copy->disk, image);
    disk_image_free(image);
    s->wire.back = true;
    for (int i = 0; i < s->pair_count; i++)
        if (pair_has(&s->pairs[i], peer))
            s->pairs[i].cloned = true;
    copy->up = world_try_start(s->world, SEED_CLONE) == 0;
    seed_say(s, "a clone of %c runs: %d", 'A' + peer, (int)copy->up);
    if (copy->up)
        struck(s, FAULT_CLONE);
}

/* ---- the server ---- */

static const struct row_mailbox *any_mailbox(struct seed *s)
{
    const struct row_mailbox *found = NULL;
    uint64_t seen = 0;
    for (const struct row_mailbox *m = mailbox_server_rows(world_server(s->world))->mailboxes;
         m != NULL; m = m->next)
        if (dice_below(&s->dice, ++seen) == 0)
            found = m;
    return found;
}

static void prune(struct seed *s)
{
    const struct row_mailbox *m = any_mailbox(s);
    if (m == NULL)
        return;
    struck(s, FAULT_PRUNE);
    if (dice_below(&s->dice, 6) == 0) {
        seed_say(s, "the server forgets everything");
        mailbox_server_wipe(world_server(s->world), world_now_ms(s->world));
    } else {
        seed_say(s, "the server forgets mailbox %s", m->id);
        mailbox_server_forget(world_server(s->world), m->appid, m->id);
    }
}

static void replay_old(struct seed *s)
{
    if (s->wire.old_count == 0)
        return;
    const struct wire_old *o = &s->wire.old[dice_below(&s->dice, s->wire.old_count)];
    seed_say(s, "the server replays %s of %s", o->phase, o->mailbox);
    s->injected++;
    struck(s, FAULT_REPLAY);
    s->party[o->peer].shown |= s->party[o->peer].went_back;
    mailbox_server_inject(world_server(s->world), WORLD_APPID, o->mailbox, o->side, o->phase,
                          o->body, world_now_ms(s->world));
}

/* A third side comes to a mailbox: it stays crowded until the server forgets it. */
static void crowd(struct seed *s)
{
    static const char bind[] =
        "{\"type\": \"bind\", \"appid\": \"" WORLD_APPID "\", \"side\": \"strange\"}";
    const struct row_mailbox *m = any_mailbox(s);
    struct mailbox_server *server = world_server(s->world);
    int64_t now_ms = world_now_ms(s->world);
    char open[256];
    if (m == NULL)
        return;
    int len = snprintf(open, sizeof open, "{\"type\": \"open\", \"mailbox\": \"%.100s\"}", m->id);
    seed_say(s, "a stranger opens mailbox %s", m->id);
    s->injected++;
    struck(s, FAULT_CROWD);
    uint64_t connection = mailbox_server_connect(server, now_ms);
    mailbox_server_receive(server, connection, bind, sizeof bind - 1, now_ms);
    mailbox_server_receive(server, connection, open, (size_t)len, now_ms);
    mailbox_server_disconnect(server, connection);
}

static void answer_error(struct seed *s)
{
    static const char error[] =
        "{\"type\": \"error\", \"error\": \"internal\", \"orig\": {\"type\": \"add\"}}";
    seed_say(s, "the server says error");
    struck(s, FAULT_ERROR);
    world_tell(s->world, dice_next(&s->dice), error, sizeof error - 1);
}

static void server_dies(struct seed *s)
{
    struck(s, FAULT_DEATH);
    if (dice_below(&s->dice, 2) == 0) {
        seed_say(s, "the server restarts");
        mailbox_server_restart(world_server(s->world), world_now_ms(s->world));
        return;
    }
    bool up = dice_below(&s->dice, 2) == 0;
    seed_say(s, "the server is %s", up ? "there" : "away");
    world_set_server_up(s->world, up);
}

/* ---- the ways to each other ---- */

static void hide(struct seed *s)
{
    int peer = any_peer(s);
    bool hidden = dice_below(&s->dice, 3) != 0;
    if (hidden)
        struck(s, FAULT_NAT);
    seed_say(s, "%c can%s be dialled", 'A' + peer, hidden ? "not" : "");
    world_set_reachable(s->world, peer, !hidden);
}

static void trouble_relay(struct seed *s)
{
    struct relay_weather *w = relay_weather(world_relay(s->world));
    struck(s, FAULT_RELAY);
    switch (dice_below(&s->dice, 4)) {
    case 0:
        seed_say(s, "the relay restarts");
        relay_restart(world_relay(s->world));
        break;
    case 1:
        w->away = !w->away;
        seed_say(s, "the relay is %s", w->away ? "away" : "there");
        relay_restart(world_relay(s->world));
        break;
    case 2:
        w->late_ms_max = w->late_ms_max > 0 ? 0 : 1 + (int64_t)dice_below(&s->dice, RELAY_LATE_MS);
        seed_say(s, "the relay is up to %lld ms late", (long long)w->late_ms_max);
        break;
    default:
        w->half_one_in = w->half_one_in > 0 ? 0 : 1 + dice_below(&s->dice, 3);
        seed_say(s, "the relay tells one of two, once in %llu", (unsigned long long)w->half_one_in);
    }
}

static void garble(struct seed *s)
{
    struct relay_weather *w = relay_weather(world_relay(s->world));
    struck(s, FAULT_GARBLE);
    uint64_t *what = dice_below(&s->dice, 2) == 0 ? &w->garble_one_in : &w->wrong_one_in;
    *what = *what > 0 ? 0 : 1 + dice_below(&s->dice, 6);
    seed_say(s,
             "the relay changes bytes once in %llu pieces, and joins who does not fit once in %llu",
             (unsigned long long)w->garble_one_in, (unsigned long long)w->wrong_one_in);
}

/* For some time: how it is with the way from the server. */
static void change_weather(struct seed *s, enum fault fault)
{
    struct world_options *w = world_weather(s->world);
    bool on = dice_below(&s->dice, 3) != 0;
    if (on)
        struck(s, fault);
    if (fault == FAULT_REPEAT)
        w->repeat_one_in = on ? 2 + dice_below(&s->dice, 4) : 0;
    else if (fault == FAULT_REORDER)
        w->swap_one_in = on ? 2 + dice_below(&s->dice, 4) : 0;
    else
        w->delay_ms_max = on ? 1 + (int64_t)dice_below(&s->dice, 5000) : 0;
}

/* Each seed has its own few kinds: what all of them do together hides what some of them do. */
void misfortunes_begin(struct seed *s)
{
    uint32_t rare = FAULT_BIT(BACK) | FAULT_BIT(CLONE);
    for (int i = 0; i < FAULT_COUNT; i++)
        if (dice_below(&s->dice, rare & 1u << i ? 6 : 2) != 0)
            s->options.faults &= ~(1u << i);
}

void misfortunes_world(struct seed *s)
{
    for (int i = 0; i < s->peers; i++) {
        bool hidden = dice_below(&s->dice, 3) != 0; /* drawn in each life: a twin is to be alike */
        if (hidden && s->options.faults & FAULT_BIT(NAT))
            world_set_reachable(s->world, i, false);
    }
}

/* FAULT_COUNT: none. */
static enum fault draw_fault(struct seed *s)
{
    enum fault fault = FAULT_COUNT;
    uint64_t seen = 0;
    for (int i = 0; i < FAULT_COUNT; i++)
        if (s->options.faults & 1u << i && dice_below(&s->dice, ++seen) == 0)
            fault = (enum fault)i;
    return fault;
}

void misfortunes_step(struct seed *s)
{
    enum fault fault = draw_fault(s);
    switch (fault) {
    case FAULT_KILL:
        kill_soon(s, DISK_KEEPS);
        break;
    case FAULT_POWER:
        kill_soon(s, DISK_LOSES);
        break;
    case FAULT_ENOSPC:
        fill_disk(s);
        break;
    case FAULT_EIO:
        break_disk(s);
        break;
    case FAULT_BACK:
        go_back(s);
        break;
    case FAULT_CLONE:
        clone(s);
        break;
    case FAULT_PRUNE:
        prune(s);
        break;
    case FAULT_REPEAT:
    case FAULT_REORDER:
    case FAULT_DELAY:
        change_weather(s, fault);
        break;
    case FAULT_REPLAY:
        replay_old(s);
        break;
    case FAULT_CROWD:
        crowd(s);
        break;
    case FAULT_ERROR:
        answer_error(s);
        break;
    case FAULT_DEATH:
        server_dies(s);
        break;
    case FAULT_LINKS:
        struck(s, fault);
        world_cut_links(s->world);
        break;
    case FAULT_TRANSIT:
        struck(s, fault);
        world_cut_transit(s->world);
        break;
    case FAULT_NAT:
        hide(s);
        break;
    case FAULT_RELAY:
        trouble_relay(s);
        break;
    case FAULT_GARBLE:
        garble(s);
        break;
    case FAULT_COUNT:
        break;
    }
}

void misfortunes_end(struct seed *s)
{
    struct world_options *w = world_weather(s->world);
    s->quiet = true;
    w->repeat_one_in = w->swap_one_in = 0;
    w->delay_ms_max = 0;
    world_set_server_up(s->world, true);
    *relay_weather(world_relay(s->world)) = (struct relay_weather){0};
    for (int i = 0; i < s->peers; i++) {
        disk_die_in(s->party[i].disk, 0);
        disk_fail_in(s->party[i].disk, 0, EIO, 0);
        disk_set_room(s->party[i].disk, UINT64_MAX);
        s->party[i].up_at_ms = 0;
    }
    if (s->party[SEED_CLONE].up)
        disk_die(s->party[SEED_CLONE].disk);
}
