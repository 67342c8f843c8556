/* Parcels that came in pieces: small, whole in memory, planted in one turn. */
#include "fs/engine/intake.h"

#include <assert.h>
#include <string.h>
#include "fs/engine/limits.h"
#include "fs/engine/plant.h"
#include "proto/error.h"
#include "store/content.h"

static int put_file(struct turn *t, const struct manifest_item *item, uint64_t ino,
                    const uint8_t *data)
{
    uint8_t file[INLINE_BYTES_MAX] = {0};
    if (item->size > sizeof file)
        return STORE_ERR_HOSTILE; /* small parcels hold small files */
    for (uint32_t i = 0; i < item->extent_count; i++) {
        uint64_t offset, length;
        manifest_extent(item, i, &offset, &length);
        memcpy(file + offset, data, (size_t)length);
        data += length;
    }
    return content_put(t, ino, file, (size_t)item->size);
}

static int plant_one(struct turn *t, struct plant *p, const struct manifest_item *item,
                     const uint8_t *data)
{
    uint64_t hole_size;
    int err = plant_item(p, t, item, &hole_size);
    if (err < 0 || item->kind != MANIFEST_FILE || item->size == 0)
        return err;
    return put_file(t, item, p->inos[item->index], data + item->data_offset);
}

/* Twice through the manifest, which has passed plant_check: directories get their times when all is
 * made. */
static int plant_small(struct turn *t, struct plant *p, const uint8_t *manifest, size_t len,
                       const uint8_t *data, bool times)
{
    struct manifest_parser parser;
    struct manifest_item item;
    size_t used;
    int more = 0, err = manifest_parser_init(&parser, len) < 0 ? STORE_ERR_HOSTILE : 0;
    while (err == 0 && (more = manifest_next(&parser, manifest, len, &used, &item)) > 0) {
        manifest += used;
        len -= used;
        assert(!times || p->inos); /* the first pass has made all of them */
        err = times ? plant_time(t, &item, p->inos[item.index]) : plant_one(t, p, &item, data);
    }
    manifest_parser_release(&parser);
    return err == 0 && more < 0 ? STORE_ERR_NOMEM : err;
}

int intake_small(struct step *step, const void *parcel, size_t len, uint64_t room,
                 struct intake_taken *out)
{
    static const char malformed[] = "the parcel is malformed";
    struct plant p = {.keep_exec = step->e->options.keep_exec};
    struct plant_sum sum = {0};
    struct reader in = reader_of(parcel, len);
    uint32_t manifest_len = reader_u32(&in);
    const uint8_t *manifest = reader_take(&in, manifest_len);
    int err = manifest == NULL ? STORE_ERR_HOSTILE : plant_check(manifest, manifest_len, &sum);
    if (err == 0 && (sum.data_len != in.left || sum.zeros > INTAKE_SMALL_ZEROS_MAX))
        err = STORE_ERR_HOSTILE;
    if (err == 0 && sum.overhead > room)
        err = STORE_ERR_TOO_BIG;
    if (err == 0)
        err = plant_small(step->t, &p, manifest, manifest_len, in.at, false);
    if (err == 0)
        err = plant_small(step->t, &p, manifest, manifest_len, in.at, true);
    *out = (struct intake_taken){plant_top(&p), p.name, p.files, sum.overhead,
                                 sum.why != NULL ? sum.why : malformed};
    if (err == STORE_ERR_HOSTILE && out->top != 0) {
        int gone = node_discard(step->t, out->top);
        err = gone < 0 ? gone : err;
    }
    plant_release(&p);
    return err;
}
