#include "proto/net/wsio.h"

#include <stdlib.h>
#include <string.h>

#include "proto/error.h"
#include "proto/net/limits.h"
#include "proto/net/links.h"
#include "proto/net/net.h"

enum { PARTIAL_CAP_MIN = 4096 };

void wsio_release(struct ws_partial *partial)
{
    free(partial->data);
    *partial = (struct ws_partial){0};
}

static int append(struct ws_partial *p, const void *piece, size_t len)
{
    size_t cap = p->cap < PARTIAL_CAP_MIN ? PARTIAL_CAP_MIN : p->cap;

    if (len > NET_MESSAGE_MAX - p->len)
        return PROTO_ERR_TOO_BIG;
    while (cap < p->len + len)
        cap *= 2;
    if (cap > p->cap) {
        char *data = realloc(p->data, cap);
        if (data == NULL)
            return PROTO_ERR_NOMEM;
        p->data = data;
        p->cap = cap;
    }
    if (len > 0)
        memcpy(p->data + p->len, piece, len);
    p->len += len;
    return PROTO_OK;
}

int wsio_receive(struct ws_partial *partial, struct lws *wsi, const void *piece, size_t len,
                 const char **text, size_t *text_len)
{
    bool last = lws_is_final_fragment(wsi) && lws_remaining_packet_payload(wsi) == 0;

    if (lws_is_first_fragment(wsi))
        wsio_release(partial);
    int err = append(partial, piece, len);
    if (err != PROTO_OK || !last)
        return err;
    *text = partial->data;
    *text_len = partial->len;
    return 1;
}

static bool write_message(struct lws *wsi, struct link_message *m)
{
    int written = lws_write(wsi, m->text, m->len, LWS_WRITE_TEXT);

    return written >= 0 && (size_t)written >= m->len;
}

int wsio_send(struct links *links, struct link *l, struct lws *wsi)
{
    for (int i = 0; i < LINK_WRITES_MAX && !lws_send_pipe_choked(wsi); i++) {
        struct link_message *m = links_take_message(links, l);
        if (m == NULL)
            return 1;
        bool written = write_message(wsi, m);
        free(m);
        if (!written)
            return -1;
    }
    lws_callback_on_writable(wsi);
    return 0;
}

bool wsio_send_ping(struct lws *wsi, enum wsio_ping ping)
{
    unsigned char payload[LWS_PRE + 1];

    payload[LWS_PRE] = (unsigned char)ping;
    return lws_write(wsi, payload + LWS_PRE, 1, LWS_WRITE_PING) >= 0;
}

bool wsio_is_pong(enum wsio_ping ping, const void *payload, size_t len)
{
    return len == 1 && *(const unsigned char *)payload == (unsigned char)ping;
}
