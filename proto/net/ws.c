#include "proto/net/ws.h"

#include <stddef.h>
#include <string.h>

#include <openssl/x509_vfy.h>
#include <sodium.h>

#include "proto/net/clock.h"
#include "proto/net/limits.h"
#include "proto/net/links.h"
#include "proto/net/net.h"
#include "proto/net/why.h"
#include "proto/net/wsio.h"

enum { REACHABLE_MS = 60000 };

/* All zero: libwebsockets' own keepalive is off. */
static const lws_retry_bo_t NO_KEEPALIVE;

void ws_init(struct ws *ws)
{
    ws->pulse.context = ws->context;
    atomic_init(&ws->up, 0);
    atomic_init(&ws->last_up_ms, 0);
}

bool ws_is_idle(const struct ws *ws)
{
    return ws->alive == 0;
}

bool ws_reachable(struct ws *ws)
{
    int64_t last_up_ms = atomic_load(&ws->last_up_ms);

    return atomic_load(&ws->up) > 0 ||
           (last_up_ms != 0 && clock_mono_ms() - last_up_ms < REACHABLE_MS);
}

/* -- timers and the queue --------------------------------------------------------------------- */

static void on_timer(lws_sorted_usec_list_t *timer);
static void on_pump_timer(lws_sorted_usec_list_t *timer);

/* libwebsockets waits in whole milliseconds and spins for the rest, so the timers of many links
 * must not be spread over all times. */
static void set_timer(struct link *l, int64_t delay_ms)
{
    const lws_usec_t grid_us = WS_TIMER_GRID_MS * LWS_US_PER_MS;
    lws_usec_t now_us = lws_now_usecs(), due_us = now_us + delay_ms * LWS_US_PER_MS;

    if (delay_ms > 0)
        due_us = (due_us / grid_us + 1) * grid_us;
    lws_sul_schedule(l->conn.ws->context, 0, &l->conn.timer, on_timer, due_us - now_us);
}

/* Connections are begun from a timer of their own, never inside libwebsockets' handling of
 * another connection. */
static void want_pump(struct ws *ws)
{
    lws_sul_schedule(ws->context, 0, &ws->pump_timer, on_pump_timer, 1);
}

static void enqueue(struct link *l)
{
    struct ws *ws = l->conn.ws;

    l->conn.state = WS_QUEUED;
    l->conn.queue_next = NULL;
    if (ws->queue_last == NULL)
        ws->queue_last = &ws->queue_first;
    *ws->queue_last = l;
    ws->queue_last = &l->conn.queue_next;
    want_pump(ws);
}

static struct link *dequeue(struct ws *ws)
{
    struct link *l = ws->queue_first;

    if (l == NULL)
        return NULL;
    ws->queue_first = l->conn.queue_next;
    if (ws->queue_first == NULL)
        ws->queue_last = NULL;
    l->conn.queue_next = NULL;
    return l;
}

static void remove_from_queue(struct ws *ws, struct link *gone)
{
    struct link **at = &ws->queue_first;

    while (*at != gone)
        at = &(*at)->conn.queue_next;
    *at = gone->conn.queue_next;
    if (ws->queue_last == &gone->conn.queue_next)
        ws->queue_last = ws->queue_first == NULL ? NULL : at;
}

static void schedule(struct link *l)
{
    int64_t wait_ms = backoff_due_ms(&l->conn.backoff) - clock_mono_ms();

    if (wait_ms <= 0) {
        enqueue(l);
        return;
    }
    l->conn.state = WS_WAITING;
    set_timer(l, wait_ms);
}

/* -- the end of a connection ------------------------------------------------------------------ */

/* At once, or, if it is dirty, when ws_work comes to it. */
static void free_link(struct link *l)
{
    struct ws *ws = l->conn.ws;

    lws_sul_cancel(&l->conn.timer);
    wsio_release(&l->conn.partial);
    l->conn.state = WS_NEW;
    if (links_free(ws->links, l))
        ws->alive--;
}

/* Cuts it off from a timer, because libwebsockets may be just now handling it. */
void ws_kill(struct link *l)
{
    l->conn.state = WS_KILLED;
    set_timer(l, 0);
}

/* Counts out what was counted in, and parts from the connection, whose last callbacks may come
 * when the link is freed. */
static void detach(struct link *l)
{
    struct ws *ws = l->conn.ws;

    lws_sul_cancel(&l->conn.timer);
    pulse_remove(l);
    wsio_release(&l->conn.partial);
    if (l->conn.wsi != NULL)
        lws_set_wsi_user(l->conn.wsi, NULL);
    l->conn.wsi = NULL;
    if (l->conn.pending) {
        l->conn.pending = false;
        ws->connecting--;
        want_pump(ws);
    }
    if (l->conn.up) {
        l->conn.up = false;
        backoff_down(&l->conn.backoff, clock_mono_ms());
        atomic_store(&ws->last_up_ms, clock_mono_ms());
        atomic_fetch_sub(&ws->up, 1);
    }
}

/* Tells a change of reason. Callbacks may close the link: its wish must be looked at again after.
 */
static void tell_failure(struct link *l, const char *detail, unsigned status)
{
    struct ws *ws = l->conn.ws;
    struct link_wish wish = links_wish(ws->links, l);
    char why[NET_WHY_MAX];

    why_describe(why, ws->url, &l->conn, detail, status);
    uint32_t hash = why_hash(why);
    if (!wish.wanted || hash == l->conn.told)
        return;
    l->conn.told = hash;
    ws->callbacks->link_failed(ws->callbacks->arg, wish.wormhole, wish.which, why);
}

/* After the end of a connection: another one, or none. */
static void go_on(struct link *l)
{
    if (links_wish(l->conn.ws->links, l).wanted)
        schedule(l);
    else
        free_link(l);
}

/* An address did not lead to a connection: the next one, or, after the last, what the schedule
 * says. The name may mean other addresses by now. */
static void failed(struct link *l, const char *detail, unsigned status)
{
    struct ws *ws = l->conn.ws;

    detach(l);
    l->conn.tried++;
    if (l->conn.stage == WS_STAGE_TCP && l->conn.tried < ws->addresses) {
        if (links_wish(ws->links, l).wanted) {
            enqueue(l);
            return;
        }
    }
    l->conn.tried = 0;
    resolve_forget(ws->resolver, ws->url->host);
    if (l->conn.stage == WS_STAGE_TCP) {
        ws->unreachable_ms = clock_mono_ms();
        ws->unreachable_silent = l->conn.silent;
    }
    tell_failure(l, detail, status);
    go_on(l);
}

static void lost(struct link *l)
{
    struct ws *ws = l->conn.ws;

    detach(l);
    links_set_up(ws->links, l, false);
    struct link_wish wish = links_wish(ws->links, l);
    if (wish.wanted)
        ws->callbacks->link_down(ws->callbacks->arg, wish.wormhole, wish.which);
    if (l->conn.too_big)
        tell_failure(l, NULL, 0);
    go_on(l);
}

/* libwebsockets is done with the connection, however that came about. */
static void ended(struct link *l, struct lws *wsi, const char *detail, unsigned status)
{
    l->conn.wsi = wsi;
    if (l->conn.up)
        lost(l);
    else if (l->conn.pending)
        failed(l, detail, status);
}

/* -- connecting ------------------------------------------------------------------------------- */

static int64_t tcp_timeout_ms(const struct link *l)
{
    return backoff_is_early(&l->conn.backoff, clock_mono_ms()) ? WS_TCP_EARLY_MS : WS_TCP_MS;
}

static void connect_to(struct link *l, const char *numeric)
{
    struct ws *ws = l->conn.ws;
    struct lws_client_connect_info info = {
        .context = ws->context,
        .address = numeric,
        .port = ws->url->port,
        .path = ws->url->path,
        .host = ws->url->authority,
        .ssl_connection = LCCSCF_HTTP_NO_FOLLOW_REDIRECT | (ws->url->tls ? LCCSCF_USE_SSL : 0),
        .alpn = "http/1.1",
        .local_protocol_name = "mailbox",
        .retry_and_idle_policy = &NO_KEEPALIVE,
        .userdata = l,
        .pwsi = &l->conn.wsi,
    };

    if (lws_client_connect_via_info(&info) != NULL)
        return;
    /* A failure at once may or may not have been told by CONNECTION_ERROR inside the call. */
    l->conn.wsi = NULL;
    if (l->conn.state == WS_CONNECTING)
        failed(l, NULL, 0);
}

static void begin_try(struct link *l, enum ws_stage stage)
{
    if (l->conn.tried == 0)
        backoff_try(&l->conn.backoff, clock_mono_ms(), randombytes_random());
    l->conn.stage = stage;
    l->conn.looks = 0;
    l->conn.silent = false;
    l->conn.too_big = false;
    l->conn.fenced = false;
    l->conn.certificate = NULL;
}

static void connect_link(struct link *l, const struct resolve_answer *server)
{
    struct ws *ws = l->conn.ws;
    char numeric[ADDRESS_TEXT_MAX];

    begin_try(l, WS_STAGE_TCP);
    l->conn.state = WS_CONNECTING;
    l->conn.index = (uint8_t)((ws->preferred + l->conn.tried) % server->count);
    l->conn.pending = true;
    ws->connecting++;
    set_timer(l, tcp_timeout_ms(l));
    if (address_text(&server->at[l->conn.index], numeric))
        connect_to(l, numeric);
    else
        failed(l, NULL, 0);
}

static void fail_lookup(struct link *l, const char *why)
{
    l->conn.tried = 0;
    begin_try(l, WS_STAGE_NAME);
    tell_failure(l, why, 0);
    go_on(l);
}

/* A thousand links need not find out each for itself that the server is not there. The gaps of the
 * schedule are longer than this holds, so somebody always tries. */
static bool is_unreachable(const struct ws *ws)
{
    return ws->unreachable_ms != 0 && clock_mono_ms() - ws->unreachable_ms < WS_UNREACHABLE_MS;
}

static void fail_unreachable(struct link *l)
{
    l->conn.tried = 0;
    begin_try(l, WS_STAGE_TCP);
    l->conn.silent = l->conn.ws->unreachable_silent;
    tell_failure(l, NULL, 0);
    go_on(l);
}

static void pump(struct ws *ws)
{
    struct resolve_answer server;
    struct link *l;

    if (ws->queue_first == NULL)
        return;
    resolve_lookup(ws->resolver, ws->url->host, true, &server);
    if (server.state == RESOLVE_PENDING)
        return;
    if (server.count != ws->addresses)
        ws->preferred = 0;
    ws->addresses = server.count;
    while (ws->connecting < WS_CONNECTS_MAX && (l = dequeue(ws)) != NULL) {
        if (server.state != RESOLVE_FOUND)
            fail_lookup(l, server.why);
        else if (is_unreachable(ws) && l->conn.tried == 0)
            fail_unreachable(l);
        else
            connect_link(l, &server);
    }
}

static void on_pump_timer(lws_sorted_usec_list_t *timer)
{
    pump(lws_container_of(timer, struct ws, pump_timer));
}

/* TCP has had its time; if it has connected, the handshakes get theirs. Who waits for a code waits
 * less than that: so the reason is told before they are given up. */
static void check_progress(struct link *l)
{
    bool shaking_hands = l->conn.stage > WS_STAGE_TCP;

    l->conn.looks++;
    if (shaking_hands && l->conn.looks == 1) {
        set_timer(l, WS_SLOW_MS);
        return;
    }
    l->conn.silent = true;
    if (shaking_hands && l->conn.looks == 2) {
        set_timer(l, WS_HANDSHAKE_MS - WS_SLOW_MS);
        tell_failure(l, NULL, 0);
        l->conn.silent = false;
        return;
    }
    lws_set_timeout(l->conn.wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
}

static void on_timer(lws_sorted_usec_list_t *timer)
{
    struct link *l = lws_container_of(timer, struct link, conn.timer);

    switch (l->conn.state) {
    case WS_NEW:
    case WS_QUEUED:
    case WS_UP:
        break;
    case WS_WAITING:
        enqueue(l);
        break;
    case WS_CONNECTING:
        check_progress(l);
        break;
    case WS_ENDING:
    case WS_KILLED:
        l->conn.state = WS_KILLED;
        lws_set_timeout(l->conn.wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
        break;
    }
}

static void begin(struct link *l, const struct link_wish *wish)
{
    int64_t wait_ms = pace_open(&l->conn.ws->pace, wish->wormhole, wish->which, clock_mono_ms());

    if (wait_ms == 0) {
        enqueue(l);
        return;
    }
    l->conn.state = WS_WAITING;
    set_timer(l, wait_ms);
}

/* -- what the links want ---------------------------------------------------------------------- */

static void end(struct link *l)
{
    switch (l->conn.state) {
    case WS_QUEUED:
        remove_from_queue(l->conn.ws, l);
        free_link(l);
        break;
    case WS_NEW:
    case WS_WAITING:
        free_link(l);
        break;
    case WS_CONNECTING:
        ws_kill(l);
        break;
    case WS_UP:
        l->conn.state = WS_ENDING;
        set_timer(l, WS_CLOSE_MS);
        lws_callback_on_writable(l->conn.wsi);
        break;
    case WS_ENDING:
    case WS_KILLED:
        break;
    }
}

static void attend(struct link *l)
{
    struct link_wish wish = links_wish(l->conn.ws->links, l);

    if (!wish.wanted)
        end(l);
    else if (l->conn.state == WS_NEW)
        begin(l, &wish);
    else if (l->conn.state == WS_UP && wish.broken)
        ws_kill(l);
    else if (l->conn.state == WS_UP && wish.sending)
        lws_callback_on_writable(l->conn.wsi);
}

void ws_work(struct ws *ws)
{
    struct link *l;

    while ((l = links_take_dirty(ws->links)) != NULL) {
        if (l->conn.ws == NULL) {
            l->conn.ws = ws;
            ws->alive++;
        }
        attend(l);
    }
    if (ws->queue_first != NULL)
        want_pump(ws);
}

/* -- libwebsockets ---------------------------------------------------------------------------- */

static int established(struct link *l, struct lws *wsi)
{
    struct ws *ws = l->conn.ws;

    if (l->conn.state != WS_CONNECTING)
        return -1;
    lws_sul_cancel(&l->conn.timer);
    l->conn.wsi = wsi;
    l->conn.state = WS_UP;
    l->conn.stage = WS_STAGE_OPEN;
    l->conn.pending = false;
    ws->connecting--;
    ws->preferred = l->conn.index;
    ws->unreachable_ms = 0;
    l->conn.tried = 0;
    l->conn.told = 0;
    l->conn.up = true;
    pulse_add(&ws->pulse, l);
    atomic_fetch_add(&ws->up, 1);
    backoff_up(&l->conn.backoff, clock_mono_ms());
    want_pump(ws);
    links_set_up(ws->links, l, true);
    struct link_wish wish = links_wish(ws->links, l);
    if (wish.wanted)
        ws->callbacks->link_up(ws->callbacks->arg, wish.wormhole, wish.which);
    return 0;
}

static int received(struct link *l, struct lws *wsi, const void *piece, size_t len)
{
    struct ws *ws = l->conn.ws;
    const char *text;
    size_t text_len;

    pulse_heard(l);
    if (l->conn.state != WS_UP)
        return 0;
    int result = wsio_receive(&l->conn.partial, wsi, piece, len, &text, &text_len);
    if (result < 0) {
        l->conn.too_big = true;
        return -1;
    }
    if (result == 0)
        return 0;
    struct link_wish wish = links_wish(ws->links, l);
    if (wish.wanted)
        ws->callbacks->link_received(ws->callbacks->arg, wish.wormhole, wish.which, text, text_len);
    wsio_release(&l->conn.partial);
    return 0;
}

static int writable(struct link *l, struct lws *wsi)
{
    if (l->conn.state != WS_UP && l->conn.state != WS_ENDING)
        return 0;
    if (l->conn.pulse.ping_wanted && !wsio_send_ping(wsi, WSIO_PING_ALIVE))
        return -1;
    l->conn.pulse.ping_wanted = false;
    int result = wsio_send(l->conn.ws->links, l, wsi);
    if (result < 0)
        return -1;
    if (result == 0 || l->conn.state == WS_UP || l->conn.fenced)
        return 0;
    /* Closing now would lose it: libwebsockets does not go on reading after its close frame, so
     * what the server still sends would make our kernel reset the connection. */
    l->conn.fenced = true;
    return wsio_send_ping(wsi, WSIO_PING_END) ? 0 : -1;
}

static int ponged(struct link *l, struct lws *wsi, const void *payload, size_t len)
{
    pulse_heard(l);
    if (l->conn.state != WS_ENDING || !wsio_is_pong(WSIO_PING_END, payload, len))
        return 0;
    lws_close_reason(wsi, LWS_CLOSE_STATUS_NORMAL, NULL, 0);
    return -1;
}

static void connect_failed(struct link *l, struct lws *wsi, const char *reason)
{
    /* Of a TLS handshake it gives numbers only. */
    const char *detail = l->conn.stage == WS_STAGE_TLS ? NULL : reason;

    ended(l, wsi, detail, lws_http_client_http_response(wsi));
}

static void check_certificate(struct link *l, X509_STORE_CTX *check, bool good)
{
    if (!good)
        l->conn.certificate = X509_verify_cert_error_string(X509_STORE_CTX_get_error(check));
}

int ws_event(struct lws *wsi, int reason, void *user, void *in, size_t len)
{
    struct link *l = lws_wsi_user(wsi);

    if (l == NULL)
        return 0;
    switch (reason) {
    case LWS_CALLBACK_WSI_CREATE: /* TCP has connected */
        l->conn.stage = WS_STAGE_TLS;
        break;
    case LWS_CALLBACK_OPENSSL_PERFORM_SERVER_CERT_VERIFICATION:
        check_certificate(l, user, len != 0);
        break;
    case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
        l->conn.stage = WS_STAGE_HTTP;
        break;
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        return established(l, wsi);
    case LWS_CALLBACK_CLIENT_RECEIVE:
        return received(l, wsi, in, len);
    case LWS_CALLBACK_CLIENT_WRITEABLE:
        return writable(l, wsi);
    case LWS_CALLBACK_CLIENT_RECEIVE_PONG:
        return ponged(l, wsi, in, len);
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        connect_failed(l, wsi, in);
        break;
    case LWS_CALLBACK_CLIENT_CLOSED:
    case LWS_CALLBACK_WSI_DESTROY: /* only if neither of the two above came */
        ended(l, wsi, NULL, 0);
        break;
    default: /* of the hundred others none is our concern */
        break;
    }
    return 0;
}
