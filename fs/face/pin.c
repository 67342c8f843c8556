#include "fs/face/pin.h"

#include <stdlib.h>
#include <string.h>
#include "fs/face/limits.h"
#include "store/secrets.h"
#include "store/wormholes.h"

/* The stored form: "pin1", then one record a generation, the current one last. All integers
 * big-endian: generation u64, wormhole u64, renewals u8 × SLOT_COUNT. */
static const char magic[4] = {'p', 'i', 'n', '1'};

enum { RECORD_BYTES = 8 + 8 + SLOT_COUNT };

struct pins {
    struct pin *all;
    size_t count;
};

static void put_u64(uint8_t *out, uint64_t v)
{
    for (int i = 0; i < 8; i++)
        out[i] = (uint8_t)(v >> (56 - 8 * i));
}

static uint64_t get_u64(const uint8_t *in)
{
    uint64_t v = 0;
    for (int i = 0; i < 8; i++)
        v = v << 8 | in[i];
    return v;
}

static void pins_release(struct pins *p)
{
    free(p->all);
    *p = (struct pins){0};
}

/* One more slot is allocated than used, for pin_set to fill. */
static int pins_decode(struct pins *p, const struct blob *from)
{
    if (from->len < sizeof magic || memcmp(from->data, magic, sizeof magic) != 0 ||
        (from->len - sizeof magic) % RECORD_BYTES != 0 || from->len == sizeof magic)
        return STORE_ERR_CORRUPT;
    size_t count = (from->len - sizeof magic) / RECORD_BYTES;
    if (!(p->all = calloc(count + 1, sizeof *p->all)))
        return STORE_ERR_NOMEM;
    const uint8_t *at = from->data + sizeof magic;
    for (size_t i = 0; i < count; i++, at += RECORD_BYTES) {
        p->all[i].generation = get_u64(at);
        p->all[i].wormhole = get_u64(at + 8);
        memcpy(p->all[i].renewals, at + 16, SLOT_COUNT);
    }
    p->count = count;
    return p->all[count - 1].wormhole == 0 ? 0 : STORE_ERR_CORRUPT;
}

static int pins_first(struct pins *p)
{
    if (!(p->all = calloc(2, sizeof *p->all)))
        return STORE_ERR_NOMEM;
    p->all[0].generation = 1;
    p->count = 1;
    return 0;
}

static int pins_load(struct view *v, struct pins *p)
{
    *p = (struct pins){0};
    struct blob from = {0};
    int rc = secret_get(v, 0, &from);
    if (rc == STORE_ERR_NOT_FOUND)
        return pins_first(p);
    if (rc == 0)
        rc = pins_decode(p, &from);
    blob_release(&from);
    if (rc < 0)
        pins_release(p);
    return rc;
}

static int pins_save(struct turn *t, const struct pins *p)
{
    size_t len = sizeof magic + p->count * RECORD_BYTES;
    uint8_t *out = malloc(len);
    if (!out)
        return STORE_ERR_NOMEM;
    memcpy(out, magic, sizeof magic);
    uint8_t *at = out + sizeof magic;
    for (size_t i = 0; i < p->count; i++, at += RECORD_BYTES) {
        put_u64(at, p->all[i].generation);
        put_u64(at + 8, p->all[i].wormhole);
        memcpy(at + 16, p->all[i].renewals, SLOT_COUNT);
    }
    int rc = secret_put(t, 0, out, len);
    free(out);
    return rc;
}

/* Generations are few and sorted, but not without gaps. */
static struct pin *pins_find(const struct pins *p, uint64_t generation)
{
    for (size_t i = p->count; i-- > 0;)
        if (p->all[i].generation == generation)
            return &p->all[i];
    return NULL;
}

int pin_get(struct view *v, uint64_t generation, struct pin *out)
{
    struct pins p;
    int rc = pins_load(v, &p);
    if (rc != 0)
        return rc;
    const struct pin *found = pins_find(&p, generation);
    if (found)
        *out = *found;
    else
        rc = STORE_ERR_NOT_FOUND;
    pins_release(&p);
    return rc;
}

int pin_current(struct view *v, struct pin *out)
{
    struct pins p;
    int rc = pins_load(v, &p);
    if (rc != 0)
        return rc;
    *out = p.all[p.count - 1];
    pins_release(&p);
    return 0;
}

static bool gone(struct view *v, const struct pin *pin)
{
    struct wormhole w;
    return wormhole_get(v, pin->wormhole, &w) == STORE_ERR_NOT_FOUND;
}

static void drop_gone(struct pins *p, struct view *v)
{
    size_t kept = 0;
    for (size_t i = 0; i < p->count; i++)
        if (p->all[i].wormhole == 0 || !gone(v, &p->all[i]))
            p->all[kept++] = p->all[i];
    p->count = kept;
}

int pin_set(struct turn *t, uint64_t wormhole)
{
    struct pins p;
    int rc = pins_load(turn_view(t), &p);
    if (rc != 0)
        return rc;
    drop_gone(&p, turn_view(t));
    uint64_t next = p.all[p.count - 1].generation + 1;
    if (p.count >= FACE_PINS_MAX || next > INODE_GENERATION_LAST) {
        rc = STORE_ERR_TOO_BIG;
    } else {
        p.all[p.count - 1].wormhole = wormhole;
        p.all[p.count++] = (struct pin){.generation = next};
        rc = pins_save(t, &p);
    }
    pins_release(&p);
    return rc;
}

int pin_renew(struct turn *t, uint64_t generation, enum slot slot)
{
    struct pins p;
    int rc = pins_load(turn_view(t), &p);
    if (rc != 0)
        return rc;
    struct pin *pin = pins_find(&p, generation);
    if (pin) {
        pin->renewals[slot]++;
        rc = pins_save(t, &p);
    } else {
        rc = STORE_ERR_NOT_FOUND;
    }
    pins_release(&p);
    return rc;
}
