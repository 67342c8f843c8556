#include "fs/seal/makers.h"

#include "fs/seal/doomed.h"

/* May be forgotten. */
static bool is_gone(struct makers *m, const struct makers_one *one)
{
    switch (ending_look(&one->ending)) {
    case ENDING_RUNS:
    case ENDING_UNREAPED:
        return false;
    case ENDING_EXITED:
        return true;
    case ENDING_KILLED:
        m->killed = true;
        return true;
    case ENDING_UNKNOWN:
        break;
    }
    if (!writer_is_gone(&one->id))
        return false;
    m->killed = m->killed || doomed_has(one->id.pid);
    return true;
}

static void forget_gone(struct makers *m)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < m->count; i++)
        if (is_gone(m, &m->list[i]))
            ending_release(&m->list[i].ending);
        else
            m->list[kept++] = m->list[i];
    m->count = kept;
}

static void forget_exited(struct makers *m)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < m->count; i++)
        if (ending_look(&m->list[i].ending) == ENDING_UNREAPED)
            ending_release(&m->list[i].ending);
        else
            m->list[kept++] = m->list[i];
    m->count = kept;
}

static struct makers_one *find_tid(struct makers *m, pid_t tid)
{
    for (unsigned i = 0; i < m->count; i++)
        if (m->list[i].tid == tid)
            return &m->list[i];
    return NULL;
}

static struct makers_one *find_id(struct makers *m, const struct writer_id *id)
{
    for (unsigned i = 0; i < m->count; i++)
        if (writer_id_equal(&m->list[i].id, id))
            return &m->list[i];
    return NULL;
}

static struct makers_one *add(struct makers *m, const struct writer_id *id)
{
    if (m->count == MAKERS_MAX)
        forget_gone(m);
    if (m->count == MAKERS_MAX) /* their parent does not care how they ended: nor can we */
        forget_exited(m);
    if (m->count == MAKERS_MAX) {
        m->lost = true;
        return NULL;
    }
    struct makers_one *one = &m->list[m->count++];
    *one = (struct makers_one){.id = *id};
    ending_watch(&one->ending, id->pid);
    return one;
}

static bool belongs(const struct makers *m, const struct writer_id *id)
{
    return m->maker.pid != 0 &&
           (writer_id_equal(id, &m->maker) || writer_descends(id->pid, &m->maker));
}

/* A thread that was not seen lately: a new process, another thread of a known one, or a reused
 * number. */
static void meet(struct makers *m, pid_t tid, int64_t now_ms)
{
    struct makers_one *before = find_tid(m, tid);
    struct writer_id id;

    if (before)
        before->tid = 0;
    if (writer_identify(tid, &id) < 0) {
        m->strangers = m->lost = true;
        return;
    }
    struct makers_one *one = find_id(m, &id);
    if (!one) {
        m->strangers = m->strangers || !belongs(m, &id);
        one = add(m, &id);
    }
    if (one) {
        one->tid = tid;
        one->seen_ms = now_ms;
    }
}

void makers_clear(struct makers *m)
{
    for (unsigned i = 0; i < m->count; i++)
        ending_release(&m->list[i].ending);
    *m = (struct makers){0};
}

void makers_begin(struct makers *m, pid_t tid, int64_t now_ms)
{
    struct writer_id id;

    makers_clear(m);
    if (writer_identify(tid, &id) == 0) {
        m->maker = id;
        m->maker_age_ms = writer_age_ms(&id);
    }
    makers_saw(m, tid, now_ms);
}

void makers_renamed(struct makers *m)
{
    m->renamed = true;
}

void makers_saw(struct makers *m, pid_t tid, int64_t now_ms)
{
    struct makers_one *one = tid > 0 ? find_tid(m, tid) : NULL;

    if (!one || now_ms - one->seen_ms >= MAKERS_TRUST_MS)
        meet(m, tid, now_ms);
}

bool makers_take_kill(struct makers *m)
{
    forget_gone(m);
    bool killed = m->killed;
    m->killed = false;
    return killed;
}

pid_t makers_unreaped(struct makers *m)
{
    for (unsigned i = 0; i < m->count; i++) {
        struct makers_one *one = &m->list[i];
        if (one->asked || ending_look(&one->ending) != ENDING_UNREAPED)
            continue;
        one->asked = true;
        return one->id.pid;
    }
    return 0;
}

/* False if its ending has become known meanwhile. */
static bool remove_unreaped(struct makers *m, pid_t pid)
{
    for (unsigned i = 0; i < m->count; i++) {
        struct makers_one *one = &m->list[i];
        if (one->id.pid != pid || ending_look(&one->ending) != ENDING_UNREAPED)
            continue;
        ending_release(&one->ending);
        *one = m->list[--m->count];
        return true;
    }
    return false;
}

void makers_told(struct makers *m, pid_t pid, enum writer_end end)
{
    if (end != WRITER_KILLED && end != WRITER_EXITS)
        return; /* the witness does not know, either */
    if (remove_unreaped(m, pid) && end == WRITER_KILLED)
        m->killed = true;
}

void makers_forgive(struct makers *m)
{
    forget_gone(m);
    forget_exited(m);
    m->killed = false;
}

bool makers_gone(struct makers *m)
{
    forget_gone(m);
    return m->count == 0 && !m->lost && !m->killed;
}

static bool maker_is_gone(struct makers *m)
{
    m->maker_gone = m->maker_gone || writer_is_gone(&m->maker);
    return m->maker_gone;
}

/* Nobody else made a change. */
static bool are_known(const struct makers *m)
{
    return m->maker.pid != 0 && !m->strangers;
}

bool makers_done(struct makers *m)
{
    return are_known(m) && maker_is_gone(m) && makers_gone(m);
}

pid_t makers_at_work(struct makers *m)
{
    if (!are_known(m) || m->renamed)
        return 0;
    if (!maker_is_gone(m))
        return m->maker.pid;
    forget_gone(m);
    return m->count > 0 ? m->list[0].id.pid : 0;
}

bool makers_has(const struct makers *m, pid_t tid)
{
    struct writer_id id;

    if (writer_identify(tid, &id) < 0)
        return false;
    for (unsigned i = 0; i < m->count; i++)
        if (writer_id_equal(&m->list[i].id, &id))
            return true;
    return false;
}
