/* One IPv4 or IPv6 socket address. */
#ifndef PROTO_NET_ADDRESS_H
#define PROTO_NET_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* Room for a numeric IPv6 address with its zone. */
enum { ADDRESS_TEXT_MAX = INET6_ADDRSTRLEN + 1 + 16 };

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* Reads a numeric address, with port 0. IPv6 may have a zone. False if it is none. */
bool address_parse(union address *out, const char *text);
/* Copies a struct sockaddr_in or sockaddr_in6. False for another family. */
bool address_copy(union address *out, const struct sockaddr *from);
socklen_t address_len(const union address *a);
uint16_t address_port(const union address *a);
void address_set_port(union address *a, uint16_t port);
/* The numeric host, without port or brackets, in text[ADDRESS_TEXT_MAX]. False if it has none. */
bool address_text(const union address *a, char *text);
/* Does connecting to either reach the same host? IPv4 may be mapped into IPv6, the unspecified
 * address is loopback, and a zone says something only of a link-local address. */
bool address_is_same_host(const union address *a, const union address *b);
/* … and the same port of it? */
bool address_is_same(const union address *a, const union address *b);
bool address_is_loopback(const union address *a);
/* Of use on one link only: 169.254/16 and fe80::/10. */
bool address_is_link_local(const union address *a);

#endif
