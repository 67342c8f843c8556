/* The clocks of proto/net/, in milliseconds. */
#ifndef PROTO_NET_CLOCK_H
#define PROTO_NET_CLOCK_H

#include <stdint.h>

/* CLOCK_BOOTTIME: for distances; goes on while the machine sleeps. Never 0. */
int64_t clock_mono_ms(void);
/* CLOCK_REALTIME: what the machines call now. May jump either way. */
int64_t clock_real_ms(void);

#endif
