/* seeds CORPUS: the seeds that are binary, made by the real encoders and by whole sessions of two
 * wormholes in memory. Files are named seed-WHAT-HASH. */
#include <sodium.h>
#include <sys/stat.h>

#include "proto/bulk.h"
#include "proto/manifest.h"
#include "proto/message.h"
#include "proto/peer.h"
#include "proto/rotation.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/victim.h"
#include "tests/sim/pair.h"

enum { PATH_LEN_MAX = 4096, MINUTE_MS = 60000, HASH_BYTES = 4, TREE_DATA = 110 };

static const char *corpus;
static const uint8_t incarnation[16] = {1, 2, 3};

static void put(const char *target, const char *what, int first, const void *data, size_t len)
{
    char path[PATH_LEN_MAX], name[2 * HASH_BYTES + 1];
    uint8_t hash[crypto_generichash_BYTES_MIN];
    struct bytes all = {0};

    if (first >= 0)
        bytes_put_u8(&all, (uint8_t)first);
    bytes_put(&all, data, len);
    crypto_generichash(hash, sizeof hash, all.data, all.len, NULL, 0);
    hex_encode(name, hash, HASH_BYTES);
    snprintf(path, sizeof path, "%s/%s", corpus, target);
    mkdir(path, 0777);
    snprintf(path, sizeof path, "%s/%s/seed-%s-%s", corpus, target, what, name);
    FILE *f = fopen(path, "wb");
    MUST(f != NULL && fwrite(all.data, 1, all.len, f) == all.len && fclose(f) == 0);
    bytes_release(&all);
}

static void put_bytes(const char *target, const char *what, int first, struct bytes *b)
{
    MUST(bytes_ok(b));
    put(target, what, first, b->data, b->len);
    bytes_release(b);
}

/* ---- messages ---- */

static void seed_envelopes(void)
{
    struct bytes b = {0};
    struct message_id one = message_id_of(incarnation, 1), none = {0};

    MUST(message_version_build(
             &b, &(struct message_version){.incarnation = {1}, .have = one, .floor = none}) == 0);
    put_bytes("message", "version", 0, &b);
    MUST(message_build(&b, &(struct message){.id = message_id_of(incarnation, 2),
                                             .prev = one,
                                             .have = one,
                                             .content = (const uint8_t *)"\x10hello",
                                             .len = 6}) == 0);
    put_bytes("message", "numbered", 1, &b);
    MUST(message_ephemeral_build(
             &b, &(struct message_ephemeral){.kind = MESSAGE_ACK, .have = one}) == 0);
    put_bytes("message", "ack", 2, &b);
    MUST(message_ephemeral_build(
             &b, &(struct message_ephemeral){.kind = MESSAGE_HINTS,
                                             .capabilities = 1,
                                             .json = (const uint8_t *)"{\"hints-v1\":[]}",
                                             .json_len = 15}) == 0);
    put_bytes("message", "hints", 2, &b);
    MUST(message_ephemeral_build(&b, &(struct message_ephemeral){.kind = MESSAGE_MEET}) == 0);
    put_bytes("message", "meet", 2, &b);
}

static void seed_peer(void)
{
    static const struct peer_message all[] = {
        {.kind = PEER_PIECE, .size = 10, .data = (const uint8_t *)"0123", .len = 4},
        {.kind = PEER_OFFER,
         .size = 1 << 20,
         .items = 3,
         .data = (const uint8_t *)"name",
         .len = 4},
        {.kind = PEER_WITHDRAW},
        {.kind = PEER_DECISION,
         .verdict = PEER_REFUSED_EVER,
         .data = (const uint8_t *)"no",
         .len = 2},
    };

    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct bytes b = {0};
        MUST(peer_build(&b, &all[i]) == PROTO_OK);
        put_bytes("message", "peer", 3, &b);
    }
}

static void seed_rotation(void)
{
    struct rotation r = {0};
    struct now now = {.ms = 1};
    struct bytes content = {0}, rotated = {0};
    uint64_t next;
    uint8_t key[RATCHET_KEY_BYTES];
    static const uint8_t old[RATCHET_KEY_BYTES] = {1};

    MUST(rotation_propose(&r, 4, &now, &content) == PROTO_OK);
    MUST(rotation_answer(content.data, content.len, old, 3, &now, &next, key, &rotated) ==
         PROTO_OK);
    put_bytes("message", "rotate", 4, &content);
    put_bytes("message", "rotated", 5, &rotated);
    MUST(rotation_save(&r, &content) == PROTO_OK);
    put_bytes("stored", "rotation", 5, &content);
}

/* ---- manifests ---- */

static void add(struct manifest_builder *b, struct manifest_item item, const char *name)
{
    item.name = (const uint8_t *)name;
    item.name_len = strlen(name);
    item.mode = 0644;
    item.mtime_s = 1700000000;
    MUST(manifest_add(b, &item) == PROTO_OK);
}

/* Everything that a tree can be; 110 bytes of data. */
static void build_tree(struct bytes *out)
{
    static const struct manifest_item link = {.kind = MANIFEST_SYMLINK,
                                              .parent = 3,
                                              .target = (const uint8_t *)"../file",
                                              .target_len = 7};
    struct bytes xattrs = {0}, extents = {0};
    struct manifest_builder b;
    uint32_t items;
    uint64_t data;

    manifest_put_xattr(&xattrs, "user.a", 6, "value", 5);
    manifest_put_extent(&extents, 0, 100);
    manifest_put_extent(&extents, 4096, 10);
    manifest_builder_init(&b, out);
    add(&b, (struct manifest_item){.kind = MANIFEST_DIR}, "top");
    add(&b,
        (struct manifest_item){.kind = MANIFEST_FILE,
                               .size = 5000,
                               .extents = extents.data,
                               .extent_count = 2,
                               .xattrs = xattrs.data,
                               .xattrs_len = xattrs.len,
                               .xattr_count = 1},
        "file");
    add(&b, (struct manifest_item){.kind = MANIFEST_HARDLINK, .original = 1}, "hard");
    add(&b, (struct manifest_item){.kind = MANIFEST_DIR}, "sub");
    add(&b, link, "link");
    MUST(manifest_finish(&b, &items, &data) == PROTO_OK && data == TREE_DATA);
    manifest_builder_release(&b);
    bytes_release(&xattrs);
    bytes_release(&extents);
}

static void seed_manifests(void)
{
    struct bytes out = {0};
    struct manifest_builder b;
    uint32_t items;
    uint64_t data;

    manifest_builder_init(&b, &out);
    add(&b, (struct manifest_item){.kind = MANIFEST_FILE, .size = 0}, "empty");
    MUST(manifest_finish(&b, &items, &data) == PROTO_OK);
    manifest_builder_release(&b);
    put_bytes("manifest", "file", 3, &out);
    build_tree(&out);
    put_bytes("manifest", "tree", 7, &out);
}

/* ---- operations, for targets that take lists of them ---- */

static void op(struct bytes *b, uint8_t what, uint8_t with, const void *data, size_t len)
{
    bytes_put_u8(b, what);
    bytes_put_u8(b, with);
    bytes_put_u16(b, (uint16_t)len);
    bytes_put(b, data, len);
}

static void seed_records(void)
{
    struct bytes b = {0};

    op(&b, 1, 255, "hello", 5);
    op(&b, 1, 3, "", 0);
    op(&b, 2, 9, "forged", 6);
    put_bytes("record", "right-and-forged", -1, &b);
    op(&b, 3, 10, "123456789", 9);
    op(&b, 0, 3, "\0\0\0\x40garbage", 11);
    put_bytes("record", "raw", -1, &b);
}

static void bulk_op(struct bytes *b, uint8_t what, uint64_t offset, const void *data, size_t len)
{
    bytes_put_u8(b, what);
    bytes_put_u8(b, 255);
    if (what != 3) {
        bytes_put_u8(b, 1);
        bytes_put_u64(b, offset);
    }
    bytes_put_u16(b, (uint16_t)len);
    bytes_put(b, data, len);
}

static void seed_bulk(void)
{
    for (int aes = 0; aes < 2; aes++) {
        struct bytes b = {0};
        bulk_op(&b, 1, 0, "data data data", 14);
        bulk_op(&b, 2, 7, "", 0);
        bulk_op(&b, 2, 7, "1", 1);
        bulk_op(&b, 2, 7, "12", 2);
        bulk_op(&b, 2, 7, "123", 3);
        bulk_op(&b, 0, 0, "\x05", 1);
        bulk_op(&b, 1, INT64_MAX - 3, "data", 4);
        put_bytes("bulk", "right", aes, &b);
        bulk_op(&b, 3, 0, "\0\0\0\x11xxxxxxxxxxxxxxxxx", 21);
        put_bytes("bulk", "raw", aes, &b);
    }
}

static void seed_meetings(void)
{
    for (int follower = 0; follower < 2; follower++) {
        struct bytes b = {0};
        static const uint8_t ops[] = {2, 7, 0, 9, 3, 5, 1, 9, 5, 2, 8, 1, 9, 4, 3, 6, 2, 9};
        bytes_put(&b, ops, sizeof ops);
        put_bytes("meeting", "agree", follower, &b);
    }
}

/* ---- whole sessions ---- */

static void put_parts(struct boss *boss)
{
    struct bytes b = {0};

    MUST(order_save(&boss->code_order, &b) == PROTO_OK);
    put_bytes("stored", "order", 0, &b);
    if (boss->has_code) {
        MUST(mailbox_save(&boss->code_mailbox, &b) == PROTO_OK);
        put_bytes("stored", "mailbox", 1, &b);
        MUST(nameplate_save(&boss->nameplate, &b) == PROTO_OK);
        put_bytes("stored", "nameplate", 2, &b);
        MUST(key_save(&boss->key, &b) == PROTO_OK);
        put_bytes("stored", "key", 3, &b);
    }
    MUST(meeting_save(&boss->meeting, &b) == PROTO_OK);
    put_bytes("stored", "meeting", 4, &b);
    MUST(inbound_save(&boss->inbound, &b) == PROTO_OK);
    put_bytes("stored", "inbound", 6, &b);
    MUST(outbound_save(&boss->outbound, &b) == PROTO_OK);
    put_bytes("stored", "outbound", 7, &b);
    if (boss->current != NULL) {
        MUST(generation_save(boss->current, &b) == PROTO_OK);
        put_bytes("stored", "generation", 8, &b);
    }
}

static void put_snapshots(struct pair *p, const char *what, bool parts)
{
    for (enum pair_who who = PAIR_A; who <= PAIR_B; who++) {
        struct bytes b = {0};
        MUST(boss_snapshot(pair_boss(p, who), &b) == PROTO_OK);
        put_bytes("snapshot", what, -1, &b);
        if (parts)
            put_parts(pair_boss(p, who));
    }
}

static void seed_sessions(void)
{
    struct pair *p = pair_new(1);

    put_snapshots(p, "new", false);
    pair_allocate(p, PAIR_A);
    pair_run(p, NULL, MINUTE_MS);
    put_snapshots(p, "waiting", true);
    pair_connect(p);
    put_snapshots(p, "paired", true);
    pair_send(p, PAIR_A, 100);
    pair_run(p, NULL, MINUTE_MS);
    put_snapshots(p, "rotated", true);
    pair_stop(p, PAIR_B);
    pair_send(p, PAIR_A, 110);
    pair_run(p, NULL, 40 * MINUTE_MS);
    pair_start(p, PAIR_B);
    put_snapshots(p, "alone", true);
    pair_run(p, NULL, MINUTE_MS);
    pair_close(p, PAIR_A);
    put_snapshots(p, "leaving", false);
    pair_run(p, NULL, MINUTE_MS);
    put_snapshots(p, "closed", false);
    pair_free(p);
}

/* Lists of operations as fuzz_boss.c reads them. */
static void seed_boss_more(void)
{
    static const uint8_t offered[] = {8, 12, 0, 12, 1, 8, 6, 9, 0, 9, 1, 8, 7, 10, 0};
    static const uint8_t offering[] = {8, 8, 4, 9, 0, 12, 0, 12, 4, 9, 1, 8, 7, 12, 6};
    static const uint8_t text[] = {8, 12, 2, 8, 6, 12, 7, 0, 5, '{', '}', ' ', ' ', ' '};
    static const uint8_t met[] = {4, 7,  23, 255, 6, 3,  1, 13, 0,  0, 5,  3, 8, 0, 11, 0, 0, 13,
                                  1, 64, 11, 1,   0, 13, 2, 64, 11, 0, 0,  6, 2, 1, 14, 1, 3, 0,
                                  1, 0,  9,  5,   2, 8,  0, 11, 1,  0, 14, 1, 3, 0, 1,  0, 9};
    static const uint8_t paired[] = {3, 8,   3,   9, 0, 11, 0,  0, 2, 1, 100, 4, 2, 1, 0,  0, 0,
                                     2, '{', '}', 9, 1, 7,  20, 9, 9, 2, 8,   3, 9, 0, 11, 1, 0};
    static const uint8_t rotated[] = {3, 2,  1, 0, 2, 0, 3, 1, 4,  0, 1, 0,  1, 1, 0,  32, 9, 0,
                                      0, 0,  0, 0, 0, 0, 0, 0, 0,  0, 0, 0,  0, 0, 0,  0,  0, 0,
                                      0, 0,  0, 0, 0, 0, 0, 0, 0,  0, 0, 0,  6, 2, 1,  5,  2, 8,
                                      0, 14, 1, 3, 0, 1, 0, 9, 11, 0, 0, 11, 1, 0, 10, 0};

    put("boss", "offered", -1, offered, sizeof offered);
    put("boss", "offering", -1, offering, sizeof offering);
    put("boss", "text", -1, text, sizeof text);
    put("boss", "met", -1, met, sizeof met);
    for (uint8_t story = 3; story < 7; story++)
        put("boss", "met", story, met + 1, sizeof met - 1);
    for (uint8_t story = 4; story < 7; story++)
        put("boss", "rotated", story, rotated + 1, sizeof rotated - 1);
    put("boss", "paired", -1, paired, sizeof paired);
    put("boss", "rotated", -1, rotated, sizeof rotated);
}

static void seed_boss(void)
{
    static const uint8_t pair_up[] = {0, 8, 0, 6, 0,   1, 5, 0, 4, 7, 5, 0, 5, 9,  5, 0,  8, 0,
                                      4, 2, 2, 0, 182, 1, 0, 0, 0, 0, 0, 0, 7, 12, 9, 10, 0};
    static const uint8_t stock[] = {1,   4,   2,   2,   0,   182, 1,   0,   0,   0,   0,   0,   1,
                                    8,   4,   7,   12,  9,   1,   0,   2,   3,   0,   0,   25,  '{',
                                    '"', 'a', 'n', 's', 'w', 'e', 'r', '"', ':', '{', '"', 'f', 'i',
                                    'l', 'e', '_', 'a', 'c', 'k', '"', ':', '"', '}', '}', 10,  0};
    static const uint8_t stream[] = {2, 2, 1, 0, 2, 0,   3, 1, 4, 0, 1, 0, 16, 0, 0,  2, 'h', 'i',
                                     8, 8, 3, 2, 1, 100, 4, 1, 0, 1, 0, 0, 0,  7, 12, 9, 10,  0};
    static const uint8_t hints[] = {3,   8,   3,   9,   0,   2,   1,   100, 4,   2,   1,   0,   0,
                                    0,   15,  '{', '"', 'h', 'i', 'n', 't', 's', '-', 'v', '1', '"',
                                    ':', '[', ']', '}', 9,   1,   7,   20,  200, 9,   2};
    static const uint8_t meet[] = {4, 2, 1, 100, 4, 3, 2, 0, 0,  0,  0, 6,  3, 1, 5,  3,
                                   8, 0, 1, 3,   0, 4, 5, 0, 73, 80, 7, 10, 0, 7, 22, 255};
    static const uint8_t rotate[] = {5, 2,  1, 0, 2, 0, 3, 1, 4, 0, 1, 0, 1, 1,
                                     0, 32, 9, 9, 9, 9, 6, 2, 1, 5, 2, 8, 0};
    static const uint8_t close[] = {6, 8, 2, 2, 1, 0,  2,   0, 3, 1, 4, 0,  1, 0,
                                    3, 0, 0, 0, 7, 23, 255, 5, 1, 9, 0, 10, 0};

    put("boss", "pair-up", -1, pair_up, sizeof pair_up);
    put("boss", "stock", -1, stock, sizeof stock);
    put("boss", "stream", -1, stream, sizeof stream);
    put("boss", "hints", -1, hints, sizeof hints);
    put("boss", "meet", -1, meet, sizeof meet);
    put("boss", "rotate", -1, rotate, sizeof rotate);
    put("boss", "close", -1, close, sizeof close);
    seed_boss_more();
}

/* … and as fuzz_session.c does. */
static void say(struct bytes *b, uint8_t what, uint8_t rev, uint32_t size, uint8_t items,
                const void *data, size_t len)
{
    bytes_put_u8(b, what);
    bytes_put_u8(b, rev);
    bytes_put_u32(b, size);
    bytes_put_u16(b, 0);
    bytes_put_u8(b, items);
    bytes_put_u16(b, (uint16_t)len);
    bytes_put(b, data, len);
}

static void send_half(struct bytes *b, const uint8_t *data, size_t len)
{
    bytes_put(b, "\x04\x02", 2); /* data, of revision 2, at the offset that is wanted */
    bytes_put_u16(b, (uint16_t)len);
    bytes_put(b, data, len);
}

static void seed_session(void)
{
    struct bytes manifest = {0}, parcel = {0}, b = {0};

    build_tree(&manifest);
    bytes_put_blob(&parcel, manifest.data, manifest.len);
    for (int i = 0; i < TREE_DATA; i++)
        bytes_put_u8(&parcel, 'd');
    say(&b, 2, 0, 0, 0, parcel.data, parcel.len);
    say(&b, 3, 1, 0, 0, "", 0);
    say(&b, 3, 1, 0, 1, "gone", 4);
    put_bytes("session", "piece", -1, &b);
    say(&b, 1, 2, (uint32_t)parcel.len, 2, "top", 3);
    bytes_put(&b, "\x08\x04", 2);
    send_half(&b, parcel.data, parcel.len / 2);
    send_half(&b, parcel.data + parcel.len / 2, parcel.len - parcel.len / 2);
    bytes_put(&b, "\x08\x64\x09\x00\x06\x02\x03\x00", 8);
    put_bytes("session", "bulk", -1, &b);
    say(&b, 1, 1, 1 << 30, 2, "top", 3);
    say(&b, 0, 1, 0, 0, "\x11nonsense", 9);
    bytes_put(&b, "\x05\x01\0\0\0\0\x3f\xff\xff\xf0\0\x10", 12);
    put_bytes("session", "odd", -1, &b);
    /* Revision 3 is ours: it is wanted, said to be durable, wanted from its end, and given up. */
    bytes_put(&b, "\x06\x03\0\0\0\0\0\0\0\0\0\0\x08\x07", 14);
    bytes_put(&b, "\x06\x03\0\x01\0\0\0\0\0\0\x01\0\x08\x07", 14);
    bytes_put(&b, "\x06\x03\0\0\x7f\xff\xff\xff\xff\xff\xff\xff\x08\x07", 14);
    put_bytes("session", "wanted", -1, &b);
    bytes_release(&manifest);
    bytes_release(&parcel);
}

/* … and as fuzz_stock.c does. */
static void stock_record(struct bytes *b, const char *plain)
{
    bytes_put_u8(b, 0);
    bytes_put_u16(b, (uint16_t)strlen(plain));
    bytes_put_str(b, plain);
}

static void seed_stock_receiver(void)
{
    static const char *const acks[] = {"{\"ack\": \"ok\"}",
                                       "{\"ack\": \"ok\", \"sha256\": null}",
                                       "{\"ack\": \"ok\", \"sha256\": \"00\"}",
                                       "{\"ack\": \"no\"}",
                                       "[]",
                                       ""};
    struct bytes b = {0};

    for (uint8_t size = 0; size < 8; size++) {
        bytes_put(&b, (uint8_t[]){1, size, 2}, 3);
        put_bytes("stock", "acked", -1, &b);
    }
    for (size_t i = 0; i < sizeof acks / sizeof *acks; i++) {
        bytes_put(&b, "\x03\x02", 2); /* of a tree */
        stock_record(&b, acks[i]);
        put_bytes("stock", "ack", -1, &b);
    }
    put("stock", "other", -1, "\x01\x02\x03\x05\x02", 5);
    /* A few bytes at a time, while our user removes or changes it, stops us, or the line breaks. */
    for (uint8_t what = 0; what < 5; what++) {
        bytes_put(&b, (uint8_t[]){1, 7, 6, what, 2}, 5);
        put_bytes("stock", "user", -1, &b);
        bytes_put(&b, (uint8_t[]){1, 7, 7, 0x40, 0, 1, 6, what, 2}, 9);
        put_bytes("stock", "user", -1, &b);
    }
}

static void seed_stock_sender(void)
{
    struct bytes b = {0};

    bytes_put(&b, "\x04\0\0\0", 4);
    stock_record(&b, "hello");
    bytes_put(&b, "\x01x\x14\0", 4); /* 80 KiB */
    stock_record(&b, "");
    stock_record(&b, "end");
    put_bytes("stock", "file", -1, &b);
    put("stock", "empty", -1, "\0\0\0\0", 4);
    bytes_put(&b, "\0\0\0\x06", 4);
    stock_record(&b, "hello"); /* one byte is missing */
    put_bytes("stock", "short", -1, &b);
    bytes_put(&b, "\0\0\0\x04", 4);
    stock_record(&b, "hello"); /* one is too many */
    put_bytes("stock", "long", -1, &b);
    put("stock", "flipped", -1, "\0\0\0\x05\x05\0\x46\0\x05hello", 14);
    put("stock", "raw", -1, "\0\0\0\x05\x04\0\x08\0\0\0\x2cxxxx\0\0\x05hello", 23);
    for (uint8_t what = 2; what < 5; what++) {
        bytes_put(&b, (uint8_t[]){4, 0, 0, 0, 7, 0, 9, 1}, 8);
        stock_record(&b, "hello");
        bytes_put(&b, (uint8_t[]){6, what}, 2);
        stock_record(&b, "there");
        bytes_put(&b, (uint8_t[]){6, 4}, 2);
        put_bytes("stock", "meanwhile", -1, &b);
    }
}

static void seed_classic(void)
{
    struct classic c;
    struct classic_out out = {0};
    struct actions actions = {0};
    struct bytes b = {0};
    static const uint8_t key[KDF_KEY_BYTES] = {1};

    classic_init(&c, key, 1);
    MUST(classic_save(&c, &b) == PROTO_OK);
    put_bytes("stored", "classic", 9, &b);
    MUST(classic_offer(&c, &(struct classic_offer){.name = "a", .size = 7}, NULL, &out, &actions) ==
         PROTO_OK);
    MUST(classic_save(&c, &b) == PROTO_OK);
    put_bytes("stored", "classic", 9, &b);
    classic_release(&c);
    classic_out_release(&out);
    actions_release(&actions);
}

int main(int argc, char **argv)
{
    MUST(argc == 2 && sodium_init() >= 0);
    corpus = argv[1];
    seed_envelopes();
    seed_peer();
    seed_rotation();
    seed_manifests();
    seed_records();
    seed_bulk();
    seed_meetings();
    seed_sessions();
    seed_classic();
    seed_boss();
    seed_session();
    seed_stock_receiver();
    seed_stock_sender();
    return 0;
}
