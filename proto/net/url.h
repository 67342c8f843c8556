/* The mailbox server's URL, taken apart: ws://HOST[:PORT][/PATH] or wss://…, HOST a name, an IPv4
 * address, or an IPv6 address in brackets. Pure. */
#ifndef PROTO_NET_URL_H
#define PROTO_NET_URL_H

#include <stdbool.h>
#include <stdint.h>
#include "proto/net/limits.h"

struct url {
    bool tls;
    char host[URL_HOST_MAX + 1]; /* without brackets */
    uint16_t port;
    char path[URL_PATH_MAX + 1];       /* begins with a slash; may have a query */
    char authority[URL_HOST_MAX + 16]; /* what the Host line says: the port only if it is unusual */
};

/* 0, or PROTO_ERR_INVALID with a sentence in why[NET_WHY_MAX] and *url untouched. */
int url_parse(struct url *url, const char *text, char *why);

#endif
