#include "fs/seal/seal_rule.h"

#include <string.h>

#define COPY_AGAIN ": copy it again, or touch it to send it as it is"

static const char *const hold_texts[SEAL_HOLDS] = {
    [SEAL_NOT_HELD] = "",
    [SEAL_HELD_DOT] = "its name begins with a dot, rename it to send it",
    [SEAL_HELD_TILDE] = "its name ends in ~ like a backup copy, rename it to send it",
    [SEAL_HELD_CRDOWNLOAD] = "a download that is not finished (.crdownload), rename it to send it",
    [SEAL_HELD_PART] = "perhaps not finished (.part, younger than a day), rename it to send it now",
    [SEAL_HELD_KILLED] = "interrupted: a program was killed while writing it, "
                         "touch it to send it as it is, or replace it",
    [SEAL_HELD_CRASHED] = "interrupted: it was being written when the mount died, "
                          "touch it to send it as it is, or replace it",
    [SEAL_HELD_DAMAGED] = "the disk has lost bytes of it, remove it and copy it again",
    [SEAL_HELD_NO_SPACE] = "a write to it failed (no space left on the device)" COPY_AGAIN,
    [SEAL_HELD_OVER_QUOTA] = "a write to it failed (the disk quota is used up)" COPY_AGAIN,
    [SEAL_HELD_TOO_LARGE] = "a write to it failed (it would be too large)" COPY_AGAIN,
    [SEAL_HELD_NO_FILES] = "a write to it failed (too many open files)" COPY_AGAIN,
    [SEAL_HELD_FAILED] = "a write to it failed (input/output error)" COPY_AGAIN,
};

static const enum seal_hold accident_holds[SEAL_ACCIDENTS] = {
    [SEAL_WELL] = SEAL_NOT_HELD,
    [SEAL_KILLED] = SEAL_HELD_KILLED,
    [SEAL_CRASHED] = SEAL_HELD_CRASHED,
    [SEAL_NO_SPACE] = SEAL_HELD_NO_SPACE,
    [SEAL_OVER_QUOTA] = SEAL_HELD_OVER_QUOTA,
    [SEAL_TOO_LARGE] = SEAL_HELD_TOO_LARGE,
    [SEAL_NO_FILES] = SEAL_HELD_NO_FILES,
    [SEAL_FAILED] = SEAL_HELD_FAILED,
};

const char *seal_rule_text(enum seal_hold hold)
{
    return hold_texts[hold];
}

enum seal_hold seal_rule_hold(unsigned code)
{
    return code < SEAL_HOLDS ? (enum seal_hold)code : SEAL_NOT_HELD;
}

enum seal_hold seal_rule_held_by(enum seal_accident accident)
{
    return accident_holds[accident];
}

enum seal_accident seal_rule_accident(enum seal_hold hold)
{
    for (int i = SEAL_WELL + 1; i < SEAL_ACCIDENTS; i++)
        if (accident_holds[i] == hold)
            return (enum seal_accident)i;
    return SEAL_WELL;
}

bool seal_rule_failed(enum seal_accident accident)
{
    return accident >= SEAL_NO_SPACE;
}

static bool ends_in(const struct seal_facts *f, const char *suffix)
{
    size_t len = strlen(suffix);

    return f->name_len >= len && memcmp(f->name + f->name_len - len, suffix, len) == 0;
}

static enum seal_hold hold_of_name(const struct seal_facts *f)
{
    if (f->name_len > 0 && f->name[0] == '.')
        return SEAL_HELD_DOT;
    if (ends_in(f, "~"))
        return SEAL_HELD_TILDE;
    if (ends_in(f, ".crdownload"))
        return SEAL_HELD_CRDOWNLOAD;
    if (ends_in(f, ".part") && f->age_ms < SEAL_RULE_DAY_MS)
        return SEAL_HELD_PART;
    return SEAL_NOT_HELD;
}

static enum seal_hold hold_of(const struct seal_facts *f)
{
    if (f->damaged)
        return SEAL_HELD_DAMAGED;
    return f->accident == SEAL_WELL ? hold_of_name(f) : seal_rule_held_by(f->accident);
}

static struct seal_decision hold(enum seal_hold why, const struct seal_facts *f)
{
    struct seal_decision d = {.stage = SEAL_HELD, .hold = why, .again_ms = INT64_MAX};

    if (why == SEAL_HELD_PART)
        d.again_ms = f->age_ms < 0 ? SEAL_RULE_DAY_MS : SEAL_RULE_DAY_MS - f->age_ms;
    return d;
}

static struct seal_decision settle(int64_t left_ms)
{
    return (struct seal_decision){.stage = SEAL_SETTLING, .again_ms = left_ms > 0 ? left_ms : 1};
}

bool seal_rule_is_job(int64_t maker_age_ms, const struct seal_times *t)
{
    return maker_age_ms <= (int64_t)t->settle_tree_ms;
}

/* How much quiet seals it by itself. */
static int64_t tree_quiet_ms(const struct seal_facts *f, const struct seal_times *t)
{
    bool job = f->at_work && seal_rule_is_job(f->maker_age_ms, t);

    return (int64_t)t->settle_tree_ms * (job ? SEAL_RULE_PATIENCE : 1);
}

/* Its maker may exit any moment; but a job may keep many trees waiting, and for long. */
static int64_t look_every_ms(const struct seal_facts *f, const struct seal_times *t)
{
    int64_t often_ms = t->settle_ms < 100 ? 100 : t->settle_ms;
    int64_t seldom_ms = t->settle_tree_ms / 10;

    return f->quiet_ms < (int64_t)t->settle_tree_ms || seldom_ms < often_ms ? often_ms : seldom_ms;
}

static struct seal_decision settle_tree(const struct seal_facts *f, const struct seal_times *t)
{
    int64_t left_ms = tree_quiet_ms(f, t) - f->quiet_ms;
    int64_t often_ms = look_every_ms(f, t);

    if (left_ms <= 0 || (f->makers_done && !f->empty))
        return (struct seal_decision){.stage = SEAL_WHOLE, .again_ms = INT64_MAX};
    return settle(left_ms < often_ms ? left_ms : often_ms);
}

struct seal_decision seal_rule(const struct seal_facts *f, const struct seal_times *t)
{
    if (f->open)
        return (struct seal_decision){.stage = SEAL_OPEN, .again_ms = INT64_MAX};
    enum seal_hold why = hold_of(f);
    if (seal_rule_accident(why) != SEAL_WELL)
        return hold(why, f);
    /* A new folder is often renamed before anything is put into it. */
    bool complete = f->complete && !(f->directory && f->empty);
    if (!complete && f->quiet_ms < (int64_t)t->settle_ms)
        return settle((int64_t)t->settle_ms - f->quiet_ms);
    if (why != SEAL_NOT_HELD)
        return hold(why, f);
    if (!complete && f->directory)
        return settle_tree(f, t);
    return (struct seal_decision){.stage = SEAL_WHOLE, .again_ms = INT64_MAX};
}

enum seal_accident seal_rule_after_crash(const struct seal_evidence *e)
{
    bool unfinished = (e->directory || e->bare) && !e->whole;

    return unfinished || e->dirty || e->foreign ? SEAL_CRASHED : SEAL_WELL;
}
