#include "proto/net/url.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "proto/error.h"
#include "proto/net/net.h"

enum { PORT_DIGITS_MAX = 5, PORT_WS = 80, PORT_WSS = 443 };

static int refuse(char *why, const char *sentence)
{
    snprintf(why, NET_WHY_MAX, "%s", sentence);
    return PROTO_ERR_INVALID;
}

static bool has_only_url_characters(const char *text)
{
    for (const char *c = text; *c != '\0'; c++)
        if (*c <= ' ' || *c > '~' || strchr("\"<>\\^`{|}@#", *c) != NULL)
            return false;
    return true;
}

static bool has_only(const char *text, size_t len, const char *others)
{
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)text[i]) && strchr(others, text[i]) == NULL)
            return false;
    return len > 0;
}

static const char *take_scheme(struct url *url, const char *text)
{
    url->tls = strncasecmp(text, "wss://", 6) == 0;
    if (url->tls)
        return text + 6;
    return strncasecmp(text, "ws://", 5) == 0 ? text + 5 : NULL;
}

/* Returns what follows the host, or NULL. */
static const char *take_host(struct url *url, const char *at, char *why)
{
    bool literal = *at == '[';
    const char *host = literal ? at + 1 : at;
    size_t len = strcspn(host, literal ? "]" : ":/?");

    if (len > URL_HOST_MAX) {
        refuse(why, "the host name in the URL is too long");
        return NULL;
    }
    if (!has_only(host, len, literal ? ":.%" : "-._") || (literal && host[len] != ']')) {
        refuse(why, "the URL has no proper host name");
        return NULL;
    }
    /* libwebsockets cuts the name that it checks in the certificate at the first colon. */
    if (literal && url->tls) {
        refuse(why, "wss:// needs a host name, not an IPv6 address");
        return NULL;
    }
    memcpy(url->host, host, len);
    url->host[len] = '\0';
    return host + len + (literal ? 1 : 0);
}

static const char *take_port(struct url *url, const char *at, char *why)
{
    url->port = url->tls ? PORT_WSS : PORT_WS;
    if (*at != ':')
        return at;
    size_t digits = strspn(at + 1, "0123456789");
    unsigned port = 0;
    for (size_t i = 0; i < digits && digits <= PORT_DIGITS_MAX; i++)
        port = port * 10 + (unsigned)(at[1 + i] - '0');
    if (port == 0 || port > UINT16_MAX) {
        refuse(why, "the port in the URL is not a number from 1 to 65535");
        return NULL;
    }
    url->port = (uint16_t)port;
    return at + 1 + digits;
}

static void make_authority(struct url *url)
{
    bool literal = strchr(url->host, ':') != NULL;
    char port[PORT_DIGITS_MAX + 2] = "";

    if (url->port != (url->tls ? PORT_WSS : PORT_WS))
        snprintf(port, sizeof(port), ":%u", (unsigned)url->port);
    snprintf(url->authority, sizeof(url->authority), "%s%s%s%s", literal ? "[" : "", url->host,
             literal ? "]" : "", port);
}

int url_parse(struct url *url, const char *text, char *why)
{
    struct url u = {0};

    const char *at = take_scheme(&u, text);
    if (at == NULL)
        return refuse(why, "the mailbox server's URL must begin with ws:// or wss://");
    if (!has_only_url_characters(at))
        return refuse(why, "the URL contains a character that cannot be in one");
    at = take_host(&u, at, why);
    if (at == NULL)
        return PROTO_ERR_INVALID;
    at = take_port(&u, at, why);
    if (at == NULL)
        return PROTO_ERR_INVALID;
    if (*at != '\0' && *at != '/' && *at != '?')
        return refuse(why, "the URL has something other than a path after its host");
    int len = snprintf(u.path, sizeof(u.path), "%s%s", *at == '/' ? "" : "/", at);
    if (len < 0 || (size_t)len >= sizeof(u.path))
        return refuse(why, "the path in the URL is too long");
    make_authority(&u);
    *url = u;
    return PROTO_OK;
}
