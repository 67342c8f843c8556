/* Bounds of the face (fs/). */
#ifndef FS_FACE_LIMITS_H
#define FS_FACE_LIMITS_H

enum {
    FACE_NAME_TIMEOUT_S = 60,     /* names and attributes that the kernel may keep */
    FACE_CODE_WAIT_MS = 5000,     /* how long a read of `code` waits for the server */
    FACE_CODE_WAITS_MAX = 256,    /* reads of `code` that wait at once; more get EAGAIN */
    FACE_CODE_TRIED_MAX = 1024,   /* wormholes whose first read of `code` is remembered */
    FACE_PROCESSES_MAX = 512,     /* (process, wormhole) pairs remembered for the draft rule */
    FACE_NOTICES_MAX = 16 * 1024, /* kernel invalidations that wait; more are made as one */
    FACE_PINS_MAX = 16 * 1024,    /* generations of new/ that wormholes keep */
    FACE_READDIR_BYTES_MAX = 1 << 20,
    FACE_IO_BYTES_MAX = 1 << 20, /* one read request */
    /* One write request. Whole aligned MiBs are slower: measured with Linux 6.18, 512 MiB in writes
     * of 1 MiB took 1.3 s as requests of 1 MiB, and 0.66 s as twice as many of half the size. */
    FACE_WRITE_BYTES_MAX = 512 << 10,
    FACE_HELD_SHOWN_MAX = 8,  /* held entries that `state` names */
    FACE_OPEN_SHOWN_MAX = 16, /* unsealed entries of which it says the size and the writer */
    FACE_STATE_BYTES_MAX = 16 * 1024,
    FACE_EVENTS_STEP = 64,     /* events between two marks of the index of `events` */
    FACE_EVENTS_BATCH = 2000,  /* events read in one view */
    FACE_STATE_JSON_MS = 1000, /* how old the size that stat shows of state.json may be */
};

#endif
