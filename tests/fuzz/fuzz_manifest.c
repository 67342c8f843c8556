/* A manifest as it comes in pieces: the first byte says how it is cut. What was parsed is, built
 * again, the same bytes; and how it is cut makes no difference. */
#include "proto/manifest.h"
#include "tests/fuzz/fuzz.h"

struct outcome {
    int last; /* of manifest_next */
    uint32_t items;
};

static void walk_item(const struct manifest_item *item)
{
    struct manifest_xattr x;
    uint64_t offset, length, end = 0, sum = 0;
    size_t at = 0, count = 0;

    while (manifest_next_xattr(item, &at, &x)) {
        MUST(manifest_xattr_name_ok(x.name, x.name_len));
        count++;
    }
    MUST(count == item->xattr_count);
    MUST(item->depth <= MANIFEST_DEPTH_MAX && item->mode <= MANIFEST_MODE_MASK);
    MUST(manifest_name_ok(item->name, item->name_len));
    for (uint32_t i = 0; i < item->extent_count; i++) {
        manifest_extent(item, i, &offset, &length);
        MUST(length > 0 && offset >= end && offset + length <= item->size);
        end = offset + length;
        sum += length;
    }
    MUST(item->kind != MANIFEST_FILE || sum == item->data_len);
    if (item->kind == MANIFEST_SYMLINK)
        manifest_target_stays(item->depth, item->target, item->target_len);
}

/* The parser alone, or with the builder behind it. */
static struct outcome parse(const uint8_t *data, size_t len, size_t cut, struct bytes *built)
{
    struct manifest_parser p;
    struct manifest_builder b;
    struct manifest_item item;
    struct outcome o = {0};
    size_t at = 0, seen = cut, used;
    uint64_t sum;

    manifest_builder_init(&b, built);
    MUST(manifest_parser_init(&p, len) == PROTO_OK);
    for (;;) {
        size_t have = seen < len ? seen : len;
        o.last = manifest_next(&p, data + at, have - at, &used, &item);
        MUST(used <= have - at);
        at += used;
        if (o.last == PROTO_ERR_AGAIN && have < len) {
            seen += cut;
            continue;
        }
        if (o.last != 1)
            break;
        o.items++;
        walk_item(&item);
        MUST(manifest_add(&b, &item) == PROTO_OK);
    }
    if (o.last == 0) {
        MUST(at == len && manifest_finish(&b, &o.items, &sum) == PROTO_OK);
        MUST(o.items <= MANIFEST_ITEMS_MAX);
    }
    manifest_builder_release(&b);
    manifest_parser_release(&p);
    return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct bytes built = {0}, again = {0};

    if (len == 0)
        return 0;
    size_t cut = 1u + data[0];
    struct outcome whole = parse(data + 1, len - 1, len, &built);
    struct outcome cut_up = parse(data + 1, len - 1, cut, &again);
    MUST(whole.last == cut_up.last && whole.items == cut_up.items);
    if (whole.last == 0)
        MUST(fuzz_equal(&built, data + 1, len - 1) && fuzz_equal(&again, data + 1, len - 1));
    bytes_release(&built);
    bytes_release(&again);
    return 0;
}
