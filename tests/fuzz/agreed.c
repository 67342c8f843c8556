#include "tests/fuzz/agreed.h"

#include "proto/boss_inner.h"
#include "tests/fuzz/fuzz.h"

void agreed_transfer(struct boss *b)
{
    MUST(boss_classic_begin(b) == PROTO_OK);
    b->classic->state = CLASSIC_TRANSFER;
}

void agreed_idle(struct boss *b)
{
    MUST(boss_classic_begin(b) == PROTO_OK);
    b->state = BOSS_PAIRED;
}

enum classic_state agreed_state(const struct boss *b)
{
    MUST(b->classic != NULL);
    return b->classic->state;
}

void agreed_end(struct boss *b)
{
    struct actions unheard = {0};

    b->actions = &unheard;
    boss_classic_stop(b);
    b->actions = NULL;
    b->state = BOSS_NEW;
    actions_release(&unheard);
}
