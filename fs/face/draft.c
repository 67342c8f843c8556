#include "fs/face/draft.h"

static bool within(int64_t then_ms, int64_t now_ms, int64_t limit_ms)
{
    return then_ms > 0 && now_ms - then_ms < limit_ms;
}

/* An empty one whose old code somebody knows is as good as new. */
static bool for_nobody(const struct draft_facts *f)
{
    return f->code_known_ms == 0 && !(f->told && f->used);
}

static bool code_in_hand(const struct draft_facts *f)
{
    return !f->used && within(f->code_known_ms, f->now_ms, DRAFT_CODE_MS);
}

static bool same_process(const struct draft_facts *f)
{
    return !f->process_told && within(f->process_ms, f->now_ms, DRAFT_PROCESS_MS);
}

enum draft_choice draft_for_entry(const struct draft_facts *f)
{
    bool it = false;
    switch (f->life) {
    case DRAFT_NONE:
    case DRAFT_ENDED:
        break;
    case DRAFT_FRESH:
        it = for_nobody(f) || code_in_hand(f) || same_process(f);
        break;
    case DRAFT_JOINED:
        it = code_in_hand(f) || same_process(f);
        break;
    }
    return it ? DRAFT_CHOOSE_IT : DRAFT_CHOOSE_NEXT;
}

enum draft_choice draft_for_code(const struct draft_facts *f)
{
    switch (f->life) {
    case DRAFT_NONE:
        return DRAFT_CHOOSE_NEXT;
    case DRAFT_FRESH:
        return DRAFT_CHOOSE_IT;
    case DRAFT_JOINED:
    case DRAFT_ENDED:
        return code_in_hand(f) ? DRAFT_CHOOSE_IT : DRAFT_CHOOSE_NEXT;
    }
    return DRAFT_CHOOSE_NEXT;
}

enum draft_choice draft_for_join(const struct draft_facts *f)
{
    return f->life == DRAFT_FRESH && for_nobody(f) ? DRAFT_CHOOSE_IT : DRAFT_CHOOSE_NEXT;
}
