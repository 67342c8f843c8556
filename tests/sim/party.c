#include "tests/sim/party.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/error.h"

static void must(bool good)
{
    if (!good)
        abort();
}

/* ---- the store ---- */

static struct party_row **find_row(struct party *p, uint64_t mailbox, const char *phase)
{
    struct party_row **at = &p->rows;

    while (*at != NULL && ((*at)->mailbox != mailbox || strcmp((*at)->phase, phase) != 0))
        at = &(*at)->next;
    return at;
}

static void free_first_row(struct party_row **at)
{
    struct party_row *row = *at;

    *at = row->next;
    bytes_release(&row->body);
    free(row);
}

static void keep(struct party *p, const struct action *a)
{
    struct party_row **at = find_row(p, a->mailbox, a->phase);
    must(*at == NULL); /* nothing is ever made twice */
    *at = calloc(1, sizeof(**at));
    must(*at != NULL);
    (*at)->mailbox = a->mailbox;
    memcpy((*at)->phase, a->phase, sizeof(a->phase));
    bytes_put(&(*at)->body, a->body.data, a->body.len);
}

static void forget(struct party *p, const struct action *a)
{
    struct party_row **at = &p->rows;

    while (*at != NULL) {
        bool all = a->phase[0] == '\0';
        if ((*at)->mailbox == a->mailbox && (all || strcmp((*at)->phase, a->phase) == 0))
            free_first_row(at);
        else
            at = &(*at)->next;
    }
}

/* ---- the turn ---- */

static void commit_action(struct party *p, const struct action *a)
{
    struct party_diary *d = &p->diary;

    switch (a->kind) {
    case ACTION_SNAPSHOT:
        bytes_clear(&p->snapshot);
        must(stock_client_save(&p->client, &p->snapshot) == PROTO_OK);
        break;
    case ACTION_KEEP:
        keep(p, a);
        break;
    case ACTION_FORGET:
        forget(p, a);
        break;
    case ACTION_CODE:
        snprintf(d->code, sizeof(d->code), "%s", a->text);
        break;
    case ACTION_PAIRED:
        d->paired = true;
        break;
    case ACTION_CLASSIC_OFFERED:
        d->files++;
        break;
    case ACTION_CLASSIC_TEXT:
        d->texts++;
        snprintf(d->last_text, sizeof(d->last_text), "%.*s", (int)a->body.len,
                 (const char *)a->body.data);
        break;
    case ACTION_CLASSIC_FAILED:
        d->failed += a->number == 0;
        d->refused += a->number == 1;
        break;
    case ACTION_CLASSIC_DONE:
        d->done++;
        break;
    case ACTION_CODE_GONE:
    case ACTION_STATE:
    case ACTION_DELIVER:
    case ACTION_ACKED:
    case ACTION_EVENT:
    case ACTION_PROBLEM:
    case ACTION_PEER_CLOSED:
    case ACTION_CLOSE_DONE:
    case ACTION_CLASSIC_ANSWERED:
    case ACTION_LINK_OPEN:
    case ACTION_LINK_SEND:
    case ACTION_LINK_CLOSE:
    case ACTION_LINK_MOVE:
    case ACTION_HEARD:
    case ACTION_CAUGHT_UP:
    case ACTION_TRANSIT_LISTEN:
    case ACTION_TRANSIT_START:
    case ACTION_TRANSIT_STOP:
        break;
    }
}

static void release_action(struct party *p, const struct action *a)
{
    if (a->kind == ACTION_LINK_SEND && p->connection != 0)
        mailbox_server_receive(p->server, p->connection, a->body.data, a->body.len, p->now.ms);
    else if (a->kind == ACTION_TRANSIT_LISTEN)
        p->hints_wanted = true;
    else if (a->kind == ACTION_TRANSIT_START)
        p->diary.started = true;
}

static void restart(struct party *p);

/* Ends a turn: `err` is what the machines said. */
static void end_turn(struct party *p, int err, struct actions *actions)
{
    enum party_crash crash = p->crash;
    struct action *a;

    p->crash = PARTY_NO_CRASH;
    must(err == PROTO_OK && !actions->failed);
    for (a = actions->first; a != NULL && crash != PARTY_CRASH_BEFORE_COMMIT; a = a->next)
        if (action_is_durable(a->kind))
            commit_action(p, a);
    while ((a = actions_take(actions)) != NULL) {
        if (crash == PARTY_NO_CRASH)
            release_action(p, a);
        action_free(a);
    }
    if (crash != PARTY_NO_CRASH)
        restart(p);
}

/* The program dies and starts again. */
static void restart(struct party *p)
{
    struct actions actions = {0};
    struct reader in = reader_of(p->snapshot.data, p->snapshot.len);

    p->crashes++;
    party_disconnect(p);
    stock_client_release(&p->client);
    must(stock_client_load(&p->client, p->appid, p->plan.words, &in) == PROTO_OK);
    p->client.trims_keys = p->plan.trims_keys;
    for (const struct party_row *row = p->rows; row != NULL; row = row->next)
        must(mailbox_keep(&p->client.mailbox, row->phase, row->body.data, row->body.len) ==
             PROTO_OK);
    p->hints_wanted = false;
    end_turn(p, stock_client_restored(&p->client, &actions), &actions);
}

/* ---- life ---- */

void party_init(struct party *p, struct mailbox_server *server, const char *appid,
                const struct party_plan *plan, uint8_t seed)
{
    uint8_t random[SIDE_LEN / 2];
    char side[SIDE_LEN + 1];

    *p = (struct party){.server = server, .appid = appid, .plan = *plan, .now.seed = {seed}};
    now_random(&p->now, random, sizeof(random));
    hex_encode(side, random, sizeof(random));
    must(stock_client_init(&p->client, appid, side) == PROTO_OK);
    p->client.trims_keys = plan->trims_keys;
    must(stock_client_save(&p->client, &p->snapshot) == PROTO_OK);
}

void party_release(struct party *p)
{
    stock_client_release(&p->client);
    bytes_release(&p->snapshot);
    while (p->rows != NULL)
        free_first_row(&p->rows);
}

/* ---- inputs ---- */

static int ask_code(struct party *p, struct actions *actions)
{
    if (p->plan.words != NULL)
        return stock_client_allocate(&p->client, p->plan.words, &p->now, actions);
    return stock_client_join(&p->client, p->plan.code, &p->now, actions);
}

static int offer(struct party *p, struct actions *actions)
{
    const struct classic_offer file = {.name = "file", .size = 10};

    return stock_client_offer(&p->client, p->plan.offer_file ? &file : NULL, p->plan.text, &p->now,
                              actions);
}

static int act(struct party *p, struct actions *actions)
{
    const struct hint_list none = {0};
    bool offers = p->plan.offer_file || p->plan.text != NULL;

    if (p->client.nameplate.state == NAMEPLATE_NONE && !p->client.ended)
        return ask_code(p, actions);
    if (!p->client.has_classic)
        return PROTO_OK;
    if (p->hints_wanted) {
        p->hints_wanted = false;
        return stock_client_hints(&p->client, p->client.classic.attempt, &none, &p->now, actions);
    }
    if (offers && classic_idle(&p->client.classic))
        return offer(p, actions);
    if (p->client.classic.state == CLASSIC_ASKED)
        return stock_client_answer(&p->client, p->plan.refusal, &p->now, actions);
    return PROTO_OK;
}

void party_user(struct party *p, int64_t now_ms)
{
    struct actions actions = {0};

    p->now.ms = now_ms;
    int err = act(p, &actions);
    end_turn(p, err, &actions);
}

void party_connect(struct party *p, int64_t now_ms)
{
    struct actions actions = {0};

    p->now.ms = now_ms;
    party_disconnect(p);
    p->connection = mailbox_server_connect(p->server, now_ms);
    int err = stock_client_up(&p->client, &p->now, &actions);
    end_turn(p, err, &actions);
}

void party_disconnect(struct party *p)
{
    mailbox_server_disconnect(p->server, p->connection);
    p->connection = 0;
    stock_client_down(&p->client);
}

void party_receive(struct party *p, const struct mailbox_server_output *o, int64_t now_ms)
{
    struct actions actions = {0};

    p->now.ms = now_ms;
    if (o->dropped) {
        party_disconnect(p);
        return;
    }
    int err = stock_client_received(&p->client, o->text, o->len, &p->now, &actions);
    end_turn(p, err, &actions);
}

void party_finish_transfer(struct party *p, bool ok, int64_t now_ms)
{
    struct actions actions = {0};

    p->now.ms = now_ms;
    int err = stock_client_finished(&p->client, ok, &actions);
    end_turn(p, err, &actions);
}
