#include "proto/net/address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <string.h>

/* An IPv6 address with a zone: only the system knows the number of an interface. */
static bool parse_zoned(union address *out, const char *text)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_family = AF_INET6}, *found = NULL;

    if (strchr(text, '%') == NULL || getaddrinfo(text, NULL, &hints, &found) != 0)
        return false;
    bool copied = address_copy(out, found->ai_addr);
    freeaddrinfo(found);
    return copied;
}

bool address_parse(union address *out, const char *text)
{
    union address a;

    memset(&a, 0, sizeof(a));
    if (inet_pton(AF_INET, text, &a.v4.sin_addr) == 1)
        a.any.sa_family = AF_INET;
    else if (inet_pton(AF_INET6, text, &a.v6.sin6_addr) == 1)
        a.any.sa_family = AF_INET6;
    else
        return parse_zoned(out, text);
    *out = a;
    return true;
}

bool address_copy(union address *out, const struct sockaddr *from)
{
    if (from->sa_family != AF_INET && from->sa_family != AF_INET6)
        return false;
    memset(out, 0, sizeof(*out));
    memcpy(out, from, from->sa_family == AF_INET ? sizeof(out->v4) : sizeof(out->v6));
    return true;
}

socklen_t address_len(const union address *a)
{
    return a->any.sa_family == AF_INET ? sizeof(a->v4) : sizeof(a->v6);
}

uint16_t address_port(const union address *a)
{
    return ntohs(a->any.sa_family == AF_INET ? a->v4.sin_port : a->v6.sin6_port);
}

void address_set_port(union address *a, uint16_t port)
{
    if (a->any.sa_family == AF_INET)
        a->v4.sin_port = htons(port);
    else
        a->v6.sin6_port = htons(port);
}

bool address_text(const union address *a, char *text)
{
    return getnameinfo(&a->any, address_len(a), text, ADDRESS_TEXT_MAX, NULL, 0, NI_NUMERICHOST) ==
           0;
}

static uint32_t v4_host(const union address *a)
{
    return ntohl(a->v4.sin_addr.s_addr);
}

/* Where the kernel connects to, as an IPv6 address. */
static struct in6_addr destination(const union address *a)
{
    struct in6_addr to = {.s6_addr = {[10] = 0xff, [11] = 0xff}};

    if (a->any.sa_family == AF_INET)
        memcpy(&to.s6_addr[12], &a->v4.sin_addr, sizeof(a->v4.sin_addr));
    else
        to = a->v6.sin6_addr;
    if (IN6_IS_ADDR_UNSPECIFIED(&to))
        to = in6addr_loopback;
    if (IN6_IS_ADDR_V4MAPPED(&to) && to.s6_addr32[3] == INADDR_ANY)
        to.s6_addr32[3] = htonl(INADDR_LOOPBACK);
    return to;
}

static uint32_t zone(const union address *a)
{
    return a->any.sa_family == AF_INET6 && address_is_link_local(a) ? a->v6.sin6_scope_id : 0;
}

bool address_is_same_host(const union address *a, const union address *b)
{
    const struct in6_addr to_a = destination(a), to_b = destination(b);

    return IN6_ARE_ADDR_EQUAL(&to_a, &to_b) && zone(a) == zone(b);
}

bool address_is_same(const union address *a, const union address *b)
{
    return address_is_same_host(a, b) && address_port(a) == address_port(b);
}

bool address_is_loopback(const union address *a)
{
    return a->any.sa_family == AF_INET ? v4_host(a) >> 24 == IN_LOOPBACKNET
                                       : IN6_IS_ADDR_LOOPBACK(&a->v6.sin6_addr);
}

bool address_is_link_local(const union address *a)
{
    return a->any.sa_family == AF_INET ? v4_host(a) >> 16 == 0xa9fe
                                       : IN6_IS_ADDR_LINKLOCAL(&a->v6.sin6_addr);
}
