#include "fs/face/failure.h"

/* All of the store's errors are named, so that a new one cannot be taken for an answer. */
enum seal_accident failure_accident(int rc)
{
    if (rc >= 0 || rc <= FACE_ERR_STALE)
        return SEAL_WELL; /* it worked; or what was asked is not offered, or not now */
    switch ((enum store_error)rc) {
    case STORE_ERR_NOSPACE:
        return SEAL_NO_SPACE;
    case STORE_ERR_QUOTA:
        return SEAL_OVER_QUOTA;
    case STORE_ERR_TOO_BIG:
        return SEAL_TOO_LARGE;
    case STORE_ERR_FILES:
        return SEAL_NO_FILES;
    case STORE_ERR_NOMEM:
    case STORE_ERR_IO:
    case STORE_ERR_CORRUPT:
    case STORE_ERR_BROKEN:
    case STORE_ERR_ACCESS: /* our own user may not, below an outbox: the store's disk */
    case STORE_ERR_LOCKED:
    case STORE_ERR_FOREIGN:
    case STORE_ERR_NEWER:
        return SEAL_FAILED;
    case STORE_OK:
    case STORE_ERR_NOT_FOUND: /* answers to what cannot be asked */
    case STORE_ERR_EXISTS:
    case STORE_ERR_NOT_EMPTY:
    case STORE_ERR_IS_DIR:
    case STORE_ERR_NOT_DIR:
    case STORE_ERR_LOOP:
    case STORE_ERR_NAME_TOO_LONG:
    case STORE_ERR_PERM:
    case STORE_ERR_RANGE:
    case STORE_ERR_NO_DATA:
    case STORE_ERR_INVALID:
    case STORE_ERR_BUSY:
    case STORE_ERR_READ_ONLY:
    case STORE_ERR_HOSTILE:
    case STORE_ERR_UNSUPPORTED: /* fallocate: the program does without */
        return SEAL_WELL;
    }
    return SEAL_FAILED;
}

void failure_of_handle(struct face *face, struct handle *h, pid_t pid, int rc)
{
    enum seal_accident why = failure_accident(rc);
    uint64_t entry =
        why == SEAL_WELL || h->kind != HANDLE_FILE || !h->writable ? 0 : file_entry(face, h);
    if (entry != 0)
        seal_failed(face->seal, entry, h->id, pid, why);
}

/* The entry in whose outbox the number is; 0: in none. */
static uint64_t entry_at(struct face *face, uint64_t number)
{
    struct wormhole_place in = {0};
    struct place p;
    struct view *v;
    if (view_begin(face->store, &v) < 0)
        return 0;
    int rc = place_of(v, number, &p);
    if (rc == 0)
        rc = place_is_content(&p) ? wormhole_of(v, p.node, &in) : STORE_ERR_NOT_FOUND;
    view_end(v);
    return rc == 0 && in.box == NODE_OUTBOX ? in.entry : 0;
}

void failure_at(struct face *face, uint64_t number, struct handle *h, pid_t pid, int rc)
{
    enum seal_accident why = failure_accident(rc);
    uint64_t entry = why == SEAL_WELL ? 0 : entry_at(face, number);
    if (entry != 0)
        seal_failed(face->seal, entry, h ? h->id : 0, pid, why);
}
