#include "proto/net/pulse.h"

#include "proto/net/clock.h"
#include "proto/net/limits.h"
#include "proto/net/links.h"
#include "proto/net/ws.h"

static void on_timer(lws_sorted_usec_list_t *timer);

static void set_timer(struct pulse *p)
{
    lws_sul_schedule(p->context, 0, &p->timer, on_timer, WS_PULSE_MS * LWS_US_PER_MS);
}

void pulse_add(struct pulse *p, struct link *l)
{
    struct pulse_conn *c = &l->conn.pulse;

    if (p->first == NULL)
        set_timer(p);
    else
        p->first->conn.pulse.before = &c->next;
    *c = (struct pulse_conn){.next = p->first, .before = &p->first, .heard_ms = clock_mono_ms()};
    p->first = l;
}

void pulse_remove(struct link *l)
{
    struct pulse_conn *c = &l->conn.pulse;

    if (c->before == NULL)
        return;
    *c->before = c->next;
    if (c->next != NULL)
        c->next->conn.pulse.before = c->before;
    *c = (struct pulse_conn){0};
}

void pulse_heard(struct link *l)
{
    l->conn.pulse.heard_ms = clock_mono_ms();
    l->conn.pulse.pinged = false;
}

static void check(struct link *l, int64_t now_ms)
{
    struct pulse_conn *c = &l->conn.pulse;
    int64_t silence_ms = now_ms - c->heard_ms;

    if (silence_ms >= WS_DEAD_MS) {
        ws_kill(l);
    } else if (silence_ms >= WS_PING_MS && !c->pinged) {
        c->pinged = true;
        c->ping_wanted = true;
        lws_callback_on_writable(l->conn.wsi);
    }
}

/* Nothing here ends a connection at once, so the list stays as it is. */
static void on_timer(lws_sorted_usec_list_t *timer)
{
    struct pulse *p = lws_container_of(timer, struct pulse, timer);
    int64_t now_ms = clock_mono_ms();

    for (struct link *l = p->first; l != NULL; l = l->conn.pulse.next)
        check(l, now_ms);
    if (p->first != NULL)
        set_timer(p);
}
