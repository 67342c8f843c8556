#include "fs/face/failure.h"

/* SEAL_WELL: not ours to remember. */
static enum seal_accident accident_of(int rc)
{
    switch (rc) {
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
        return SEAL_FAILED;
    default: /* of two enums, most of which are answers to what cannot be asked */
        return SEAL_WELL;
    }
}

void failure_of_handle(struct face *face, struct handle *h, pid_t pid, int rc)
{
    enum seal_accident why = accident_of(rc);
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
    enum seal_accident why = accident_of(rc);
    uint64_t entry = why == SEAL_WELL ? 0 : entry_at(face, number);
    if (entry != 0)
        seal_failed(face->seal, entry, h ? h->id : 0, pid, why);
}
