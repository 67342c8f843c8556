#include "proto/net/why.h"

#include <stdio.h>

#include "proto/net/net.h"

static void describe_handshake(char *why, const struct url *url, const struct ws_conn *conn,
                               const char *detail, unsigned status)
{
    if (conn->silent)
        snprintf(why, NET_WHY_MAX, "the mailbox server %s accepts connections but does not answer",
                 url->authority);
    else if (status != 0)
        snprintf(why, NET_WHY_MAX,
                 "%s is not a mailbox server, or not at %.60s: it answered with HTTP status %u",
                 url->authority, url->path, status);
    else
        snprintf(why, NET_WHY_MAX, "the mailbox server %s broke off the connection (%s)",
                 url->authority, detail != NULL ? detail : "no reason given");
}

static void describe_tls(char *why, const struct url *url, const struct ws_conn *conn,
                         const char *detail)
{
    if (conn->certificate != NULL)
        snprintf(why, NET_WHY_MAX, "the certificate of the mailbox server %s is not trusted: %s",
                 url->host, conn->certificate);
    else if (conn->silent)
        snprintf(why, NET_WHY_MAX, "the mailbox server %s does not answer with TLS",
                 url->authority);
    else
        snprintf(why, NET_WHY_MAX, "no secure connection to the mailbox server %s: %s",
                 url->authority, detail != NULL ? detail : "the TLS handshake failed");
}

void why_describe(char *why, const struct url *url, const struct ws_conn *conn, const char *detail,
                  unsigned status)
{
    switch (conn->stage) {
    case WS_STAGE_NAME:
        snprintf(why, NET_WHY_MAX, "the address of the mailbox server %s is not known: %s",
                 url->host, detail != NULL ? detail : "the lookup failed");
        break;
    case WS_STAGE_TCP:
        snprintf(why, NET_WHY_MAX, "the mailbox server %s %s", url->authority,
                 conn->silent ? "does not answer" : "cannot be reached, or refuses connections");
        break;
    case WS_STAGE_TLS:
        describe_tls(why, url, conn, detail);
        break;
    case WS_STAGE_HTTP:
        describe_handshake(why, url, conn, detail, status);
        break;
    case WS_STAGE_OPEN:
        snprintf(why, NET_WHY_MAX, "the mailbox server %s sent a message larger than %d MiB",
                 url->authority, NET_MESSAGE_MAX >> 20);
        break;
    }
}

uint32_t why_hash(const char *why)
{
    uint32_t hash = 2166136261u; /* FNV-1a */

    for (const char *c = why; *c != '\0'; c++)
        hash = (hash ^ (unsigned char)*c) * 16777619u;
    return hash != 0 ? hash : 1;
}
