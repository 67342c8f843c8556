#include "fs/engine/apply.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "fs/engine/inbox.h"
#include "fs/engine/outbox.h"
#include "fs/engine/release.h"
#include "fs/engine/stock.h"
#include "fs/engine/stock_text.h"
#include "store/queues.h"
#include "store/secrets.h"
#include "store/wormholes.h"

static int event(struct step *step, enum log_type type, const char *key, const char *text)
{
    step->state_changed = true;
    return wormhole_event(step->t, step->slot->id, type, key, text);
}

static int event_number(struct step *step, enum log_type type, const char *key, uint64_t number)
{
    step->state_changed = true;
    return log_append(step->t,
                      &(struct log_event){.type = type,
                                          .wormhole = step->slot->id,
                                          .detail = json_pack("{s:I}", key, (json_int_t)number)},
                      NULL);
}

static int row(struct step *step, struct wormhole *w)
{
    return wormhole_get(turn_view(step->t), step->slot->id, w);
}

/* ---- codes ---- */

static int code_is(struct step *step, const struct action *a)
{
    int err = code_put(step->t, step->slot->id, a->text);
    return err < 0 ? err : release_change(step, CHANGE_CODE, 0, NULL);
}

static int code_burnt(struct step *step)
{
    struct wormhole w;
    int err = row(step, &w);
    if (err < 0)
        return err;
    uint32_t count = w.burnt + 1;
    step->state_changed = true;
    return log_append(step->t,
                      &(struct log_event){.type = LOG_CODE_BURNT,
                                          .wormhole = step->slot->id,
                                          .detail = json_pack("{s:i,s:b}", "count", (int)count,
                                                              "waits", count >= BOSS_CODES_MAX)},
                      NULL);
}

static int code_gone(struct step *step, const struct action *a)
{
    int err = code_erase(step->t, step->slot->id);
    if (err < 0 && err != STORE_ERR_NOT_FOUND)
        return err;
    switch ((enum boss_code_end)a->number) {
    case CODE_END_USED:
        err = event(step, LOG_CODE_USED, NULL, NULL);
        if (err == 0)
            err = wormhole_reveal(step->t, step->slot->id);
        break;
    case CODE_END_BURNT:
        err = code_burnt(step);
        break;
    case CODE_END_EXPIRED:
        err = event(step, LOG_CODE_EXPIRED, NULL, NULL);
        break;
    }
    return err < 0 ? err : release_change(step, CHANGE_CODE, 0, NULL);
}

/* ---- life cycle ---- */

static int closed(struct step *step, const char *by)
{
    struct wormhole w;
    int err = row(step, &w);
    if (err < 0 || w.state == WORMHOLE_CLOSED || w.state == WORMHOLE_CLOSING)
        return err;
    return event(step, LOG_CLOSED, "by", by);
}

static int code_wanted(struct step *step)
{
    struct wormhole w;
    int err = row(step, &w);
    if (err < 0 || w.code == WORMHOLE_CODE_WANTED)
        return err;
    return event(step, LOG_CODE_WANTED, NULL, NULL);
}

/* What was said to the last peer and not acknowledged is nothing to the next one, and the machine
 * does not know it any more. (Its entries are told again once there is a peer.) */
static int afresh(struct step *step)
{
    int dropped = message_drop_all(step->t, step->slot->id);
    step->state_changed = true;
    return dropped < 0 ? dropped : 0;
}

static int state_is(struct step *step, const struct action *a)
{
    switch ((enum boss_state)a->number) {
    case BOSS_NEW:
        return afresh(step);
    case BOSS_JOINING: /* EVENT_JOINING says it, with the nameplate */
    case BOSS_PAIRED:  /* ACTION_PAIRED says it, with the peer */
    case BOSS_LEAVING: /* engine_remove has said it */
        break;
    case BOSS_WAITING:
        return code_wanted(step);
    case BOSS_CLOSED: {
        int err = closed(step, "done"); /* nothing if the peer has closed it: that was said */
        return err < 0 ? err : stock_consider(step);
    }
    case BOSS_FAILED:
        return event(step, LOG_FAILED, "why", a->text != NULL ? a->text : "");
    }
    step->state_changed = true;
    return 0;
}

static int problem_is(struct step *step, const char *text)
{
    struct wormhole w;
    int err = row(step, &w);
    if (err < 0 || strcmp(w.problem, text) == 0)
        return err;
    return text[0] == '\0' ? event(step, LOG_PROBLEM_CLEARED, NULL, NULL)
                           : event(step, LOG_PROBLEM, "text", text);
}

/* "wormholefs 0.1" of a peer of our kind is version "0.1": the log has the kind beside it. */
static const char *version_of(const char *software)
{
    static const char ours[] = "wormholefs ";
    return strncmp(software, ours, sizeof ours - 1) == 0 ? software + sizeof ours - 1 : software;
}

static int paired(struct step *step, const struct action *a)
{
    bool stock = a->number == 2;
    step->paired_anew = true;
    step->state_changed = true;
    int err = problem_is(step, "");
    if (err < 0)
        return err;
    err =
        log_append(step->t,
                   &(struct log_event){
                       .type = LOG_PAIRED,
                       .wormhole = step->slot->id,
                       .detail = json_pack("{s:s,s:s}", "peer", stock ? "stock" : "wormholefs",
                                           "version", version_of(a->text != NULL ? a->text : ""))},
                   NULL);
    if (err == 0)
        err = wormhole_reveal(step->t, step->slot->id);
    if (err == 0)
        err = outbox_restart(step);
    if (err == 0 && stock)
        err = stock_paired(step);
    return err < 0 ? err : release_change(step, CHANGE_CODE, 0, NULL);
}

static int peer_closed(struct step *step)
{
    int err = closed(step, "peer");
    return err < 0 ? err : inbox_drop_arrivals(step);
}

static int close_done(struct step *step)
{
    int err = wormhole_forget(step->t, step->slot->id);
    step->slot->gone = err == 0;
    return err;
}

static int went_back(struct step *step, const char *who)
{
    int err = event(step, LOG_WENT_BACK, "who", who);
    return err < 0 ? err : outbox_repeat(step);
}

static int happened(struct step *step, const struct action *a)
{
    const char *detail = a->text != NULL ? a->text : "";
    switch ((enum boss_event)a->number) {
    case EVENT_CODE_ALLOCATED:
        return event(step, LOG_CODE_ALLOCATED, "nameplate", detail);
    case EVENT_JOINING:
        return event(step, LOG_JOINING, "nameplate", detail);
    case EVENT_CODE_BURNT:   /* ACTION_CODE_GONE says it, with the count */
    case EVENT_CODE_EXPIRED: /* ACTION_CODE_GONE says it */
        return 0;
    case EVENT_MAILBOX_LOST:
        return event(step, LOG_MAILBOX_LOST, NULL, NULL);
    case EVENT_ROTATED:
        return event_number(step, LOG_ROTATED, "number", strtoull(detail, NULL, 10));
    case EVENT_MET:
        return event_number(step, LOG_MET, "number", strtoull(detail, NULL, 10));
    case EVENT_WENT_BACK_HERE:
        return went_back(step, "us");
    case EVENT_WENT_BACK_PEER:
        return went_back(step, "peer");
    case EVENT_CLONE:
        return event(step, LOG_FAILED, "why", "another copy of this store is in use");
    }
    return 0;
}

/* ---- kept bodies ---- */

static int forget_kept(struct step *step, const struct action *a)
{
    int err = a->phase[0] == '\0'
                  ? ciphertext_erase_mailbox(step->t, step->slot->id, (int64_t)a->mailbox)
                  : ciphertext_erase(step->t, step->slot->id, (int64_t)a->mailbox, a->phase);
    return err == STORE_ERR_NOT_FOUND || err > 0 ? 0 : err;
}

int apply_action(struct step *step, const struct action *a)
{
    switch (a->kind) {
    case ACTION_SNAPSHOT:
        step->snapshot_owed = true; /* once, at the end of the step */
        return 0;
    case ACTION_KEEP:
        return ciphertext_put(step->t, step->slot->id, (int64_t)a->mailbox, a->phase, a->body.data,
                              a->body.len);
    case ACTION_FORGET:
        return forget_kept(step, a);
    case ACTION_CODE:
        return code_is(step, a);
    case ACTION_CODE_GONE:
        return code_gone(step, a);
    case ACTION_STATE:
        return state_is(step, a);
    case ACTION_PAIRED:
        return paired(step, a);
    case ACTION_DELIVER:
        return inbox_deliver(step, a->body.data, a->body.len);
    case ACTION_ACKED:
        return outbox_acked(step, a->number);
    case ACTION_EVENT:
        return happened(step, a);
    case ACTION_PROBLEM:
        return problem_is(step, a->text != NULL ? a->text : "");
    case ACTION_PEER_CLOSED:
        return peer_closed(step);
    case ACTION_CLOSE_DONE:
        return close_done(step);
    case ACTION_CLASSIC_OFFERED:
        return stock_offered(step, a->offer);
    case ACTION_CLASSIC_ANSWERED:
        return 0; /* the transfer begins with its transit session */
    case ACTION_CLASSIC_TEXT:
        return stock_text(step, a->body.data, a->body.len);
    case ACTION_CLASSIC_FAILED:
        return stock_failed(step, a->text, a->number == 1);
    case ACTION_CLASSIC_DONE:
        return stock_done(step);
    case ACTION_LINK_OPEN:
    case ACTION_LINK_SEND:
    case ACTION_LINK_CLOSE:
    case ACTION_LINK_MOVE:
    case ACTION_HEARD:
    case ACTION_CAUGHT_UP:
    case ACTION_TRANSIT_LISTEN:
    case ACTION_TRANSIT_START:
    case ACTION_TRANSIT_STOP:
        break; /* released, not applied: action_is_durable keeps them away */
    }
    return 0;
}
