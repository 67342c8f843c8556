/* Every bound and every time of proto/net/. Those that callers need are in net.h. */
#ifndef PROTO_NET_LIMITS_H
#define PROTO_NET_LIMITS_H

enum {
    /* -- the mailbox server's URL ---------------------------------------------------------- */
    URL_HOST_MAX = 100, /* with its port it must fit a Host line of libwebsockets, 128 bytes */
    URL_PATH_MAX = 512,

    /* -- links ----------------------------------------------------------------------------- */
    LINKS_MAX = 16384,           /* further opens are not heard */
    LINK_TX_BYTES_MAX = 8 << 20, /* what waits to be sent on one link; more breaks it */
    LINK_WRITES_MAX = 16,        /* messages written before others get their turn */
    WS_CONNECTS_MAX = 100,       /* links that are connecting at the same time */
    WS_RX_CHUNK_BYTES = 2048,    /* libwebsockets' buffer of each connection */
    WS_PULSE_MS = 5000,          /* how often the links are looked at for silence */
    WS_PING_MS = 30000,          /* silence after which we ping */
    WS_DEAD_MS = 60000,          /* silence after which it is lost */
    WS_TIMER_GRID_MS = 32,       /* links' timers fire together at multiples of this */
    WS_TCP_EARLY_MS = 1900,      /* for TCP to connect, while the schedule is 2 s */
    WS_TCP_MS = 8000,            /* and later */
    WS_HANDSHAKE_MS = 15000,     /* for TLS and WebSocket, once TCP is connected */
    WS_SLOW_MS = 2500,           /* of this, until the user is told that it takes long */
    WS_CLOSE_MS = 5000,          /* to send what is queued and close politely */
    WS_UNREACHABLE_MS = 500,     /* for this long, one link's failed connect counts for all */
    WS_STOP_MS = 500,            /* the same when the program stops */

    /* -- the reconnect schedule ------------------------------------------------------------ */
    BACKOFF_EARLY_MS = 30000, /* for this long after the first try, … */
    BACKOFF_EARLY_GAP_MIN_MS = 500,
    BACKOFF_EARLY_GAP_MAX_MS = 1500, /* … tries start at most this far apart */
    BACKOFF_LATE_GAP_FIRST_MS = 4000,
    BACKOFF_LATE_GAP_MAX_MS = 60000,
    BACKOFF_STABLE_MS = 5000, /* a connection that lasted this long was a success */

    /* -- links that are closed and opened again -------------------------------------------- */
    PACE_PLACES = 4096, /* 8 bytes each */
    PACE_FREE = 32,     /* openings in a row without a wait; then … */
    PACE_GAP_MS = 2000, /* … each this long after the one before, … */
    PACE_WAIT_MAX_MS = 60000,

    /* -- names ----------------------------------------------------------------------------- */
    RESOLVE_THREADS_MAX = 8,
    RESOLVE_THREADS_RESERVED = 2, /* of these, for the mailbox server's name only */
    RESOLVE_NAMES_MAX = 256,      /* in the cache and waiting, the mailbox server's apart */
    RESOLVE_ADDRESSES_MAX = 8,    /* of one name */
    RESOLVE_KEEP_MS = 60000,
    RESOLVE_KEEP_FAILED_MS = 1000,
    RESOLVE_STOP_MS = 1000, /* how long a lookup in progress is waited for at the end */

    /* -- timers ---------------------------------------------------------------------------- */
    TICK_RECHECK_MS = 10000, /* the wall clock may jump, and the machine may sleep */

    /* -- transit --------------------------------------------------------------------------- */
    RACE_INCOMING_MAX = 32, /* connections from strangers at one time in an attempt */
    RACE_ADDRESSES_MAX = 2, /* that are dialled of one hint's name */
    RACE_PORTS_MAX = 2, /* … of one host directly: nobody listens at more, but who wants a scan */
    RACE_HANDSHAKE_MS = 10000,  /* for a connection, its relay's wait apart */
    RACE_RELAY_DELAY_MS = 2000, /* relays are dialled this long after the direct hints */
    RACE_MS = 60000,
    LISTEN_TRIES = 8, /* ports tried until IPv4 and IPv6 have the same one */
    LISTEN_BACKLOG = 32,
    TRANSIT_ATTEMPTS_MAX = 16384, /* that wait for one of NET_TRANSIT_MAX threads */
    TRANSIT_STACK_BYTES = 2 << 20,
    CREW_PORTS_MAX = 256, /* of attempts that wait for their plans: two descriptors each */
    /* While others wait for a thread, a session keeps its own if it moves a KiB a second, as the
     * worst of lines do; pings, or a byte now and then, are a hundredth of that. Longer
     * than the silence that a session between two of us bears (BULK_SILENCE_MS). */
    CREW_TURN_MS = 60000,
    CREW_TURN_BYTES = 64 << 10,
    CREW_STEP_MIN_MS = 1000,                /* between two looks at who moves what */
    CREW_STEP_MAX_MS = 2 * TICK_RECHECK_MS, /* more is a machine that slept */
    STREAM_KEEPALIVE_IDLE_S = 30,
    STREAM_KEEPALIVE_EVERY_S = 10,
    STREAM_KEEPALIVE_COUNT = 6,
};

#endif
