#include "fs/engine/stock_session.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include "fs/engine/inbox.h"
#include "fs/engine/jobs.h"
#include "fs/engine/outbox.h"
#include "fs/engine/progress.h"
#include "fs/engine/release.h"
#include "fs/engine/wire.h"
#include "proto/classic_data.h"
#include "proto/error.h"
#include "proto/record.h"
#include "store/content.h"
#include "store/entries.h"
#include "store/namespace.h"
#include "store/wormholes.h"

enum { READ_BYTES = 256 << 10, BATCH_RECORDS_BYTES = 256 << 10 };

struct transfer {
    struct engine *e;
    uint64_t wormhole;
    struct stream *stream;
    struct record_encoder tx;
    struct record_decoder rx;
    EVP_MD_CTX *hash;
    struct classic_data data;
    struct stock stock; /* a copy; items are its own */
    const char *why;    /* it failed for this; NULL: the connection broke */
    bool removed;       /* our user removed all that was offered */
};

static bool fail(struct transfer *x, const char *why)
{
    if (x->why == NULL)
        x->why = why;
    return false;
}

/* The result of a step that writes the journal. */
static bool recorded(struct transfer *x, int err)
{
    return err == 0 || fail(x, "it could not be recorded in the journal, which is full or broken");
}

/* ---- steps ---- */

static int copy_stock(struct step *step, void *arg)
{
    struct stock *to = arg;
    const struct stock *from = step->slot->stock;
    if (from == NULL || !(from->offered || from->receiving))
        return STORE_ERR_NOT_FOUND;
    *to = *from;
    to->items = calloc(from->count + 1, sizeof *to->items);
    if (to->items == NULL)
        return STORE_ERR_NOMEM;
    if (from->count > 0)
        memcpy(to->items, from->items, from->count * sizeof *to->items);
    return 0;
}

static int finished(struct step *step, bool ok)
{
    return step_error(boss_classic_finished(step->slot->boss, ok, &step->now, &step->actions));
}

static const char *why_failed(const struct transfer *x)
{
    return x->why != NULL   ? x->why
           : jobs_end(x->e) ? "wormholefs was stopped"
                            : "the connection to the peer broke";
}

static int finish_failed(struct step *step, void *arg)
{
    const struct transfer *x = arg;
    struct stock *s = step->slot->stock;
    if (s != NULL) {
        s->why = why_failed(x);
        s->removed = x->removed;
    }
    return finished(step, false);
}

/* ---- hashing ---- */

static bool hash_begin(struct transfer *x)
{
    x->hash = EVP_MD_CTX_new();
    return x->hash != NULL && EVP_DigestInit_ex(x->hash, EVP_sha256(), NULL) == 1;
}

static bool hash_end(struct transfer *x, uint8_t out[static CLASSIC_DATA_SHA256_BYTES])
{
    unsigned len = CLASSIC_DATA_SHA256_BYTES;
    return EVP_DigestFinal_ex(x->hash, out, &len) == 1;
}

/* Receives one whole record's plaintext. */
static bool receive_record(struct transfer *x, struct bytes *in, struct bytes *plain)
{
    bytes_clear(plain);
    for (;;) {
        size_t used = 0;
        int got = record_decode(&x->rx, in->data, in->len, &used, plain);
        bytes_drop_front(in, used);
        if (got != 0)
            return got > 0;
        bytes_reserve(in, READ_BYTES);
        if (!bytes_ok(in))
            return false;
        ssize_t n = wire_recv(x->stream, in->data + in->len, READ_BYTES);
        if (n <= 0)
            return false;
        in->len += (size_t)n;
    }
}

/* ---- sending ---- */

/* Do all entries of the offer still stand as they were sealed? */
static bool stand(struct transfer *x)
{
    struct view *v;
    if (view_begin(x->e->store, &v) < 0)
        return false;
    size_t gone = 0, changed = 0;
    for (size_t i = 0; i < x->stock.count; i++) {
        struct entry e;
        if (entry_get(v, x->stock.items[i].ino, &e) < 0 || e.wormhole != x->wormhole)
            gone++;
        else if (e.state != ENTRY_SEALED || memcmp(e.rev, x->stock.items[i].rev, REV_BYTES) != 0)
            changed++;
    }
    view_end(v);
    x->removed = gone > 0 && gone == x->stock.count;
    if (changed > 0)
        return fail(x, "what was offered was changed before the peer had all of it");
    return gone == 0 || fail(x, "what was offered was removed before the peer had all of it");
}

/* For the receivers that wait for a record even of an empty file: see classic_data.h. */
static bool send_empty_record(struct transfer *x)
{
    struct bytes wire = {0};
    bool ok = record_encode(&x->tx, &wire, "", 0) == 0 && wire_send(x->stream, wire.data, wire.len);
    bytes_release(&wire);
    return ok;
}

static bool send_data(struct transfer *x)
{
    uint8_t *buf = malloc(BATCH_RECORDS_BYTES);
    struct bytes wire = {0};
    bool ok = buf != NULL && stand(x) && (x->stock.size > 0 || send_empty_record(x));
    while (ok && !classic_data_complete(&x->data)) {
        ssize_t got =
            content_read(x->e->store, x->stock.source, buf, BATCH_RECORDS_BYTES, x->data.done);
        ok = stand(x) && (got > 0 || fail(x, "its bytes cannot be read from the disk"));
        bytes_clear(&wire);
        for (ssize_t at = 0; ok && at < got;) {
            size_t len = classic_data_next(&x->data);
            if (len > (size_t)(got - at))
                len = (size_t)(got - at);
            ok = len > 0 && record_encode(&x->tx, &wire, buf + at, len) == 0 &&
                 classic_data_count(&x->data, len) == 0;
            at += (ssize_t)len;
        }
        ok = ok && EVP_DigestUpdate(x->hash, buf, (size_t)got) == 1 &&
             wire_send(x->stream, wire.data, wire.len);
        progress_is(x->e, x->wormhole, x->stream, x->data.done);
    }
    bytes_release(&wire);
    free(buf);
    return ok;
}

static int mark_sent_all(struct step *step, void *arg)
{
    (void)arg;
    if (step->slot->stock != NULL)
        step->slot->stock->sent_all = true;
    return 0;
}

static bool acknowledged(struct transfer *x)
{
    uint8_t sha256[CLASSIC_DATA_SHA256_BYTES];
    struct bytes in = {0}, plain = {0};
    bool ok = hash_end(x, sha256) && receive_record(x, &in, &plain);
    if (ok && classic_data_ack_check(plain.data, plain.len, sha256) != 0)
        ok = fail(x, "the peer says that it did not get what was sent");
    bytes_release(&in);
    bytes_release(&plain);
    return ok;
}

static int deliver_one(struct step *step, const struct stock_item *item)
{
    int err = entry_delivered(step->t, item->ino, item->rev, NULL, "delivered");
    if (err == STORE_ERR_INVALID || err == STORE_ERR_NOT_FOUND)
        return 0; /* changed or removed since: it is another revision, and stays */
    if (err == 0)
        err = outbound_drop_rev(step->t, step->slot->id, item->rev);
    if (err >= 0)
        err = revision_erase(step->t, item->rev);
    if (err == STORE_ERR_NOT_FOUND)
        err = 0;
    return err < 0 ? err : outbox_leave(step, item->ino);
}

int stock_deliver(struct step *step, const struct stock *s)
{
    for (size_t i = 0; i < s->count; i++) {
        int err = deliver_one(step, &s->items[i]);
        if (err < 0)
            return err;
    }
    return 0;
}

static int deliver_all(struct step *step, void *arg)
{
    int err = stock_deliver(step, arg);
    return err < 0 ? err : finished(step, true);
}

static bool send_all(struct transfer *x)
{
    classic_data_init(&x->data, x->stock.size);
    progress_begin(x->e, x->wormhole, x->stream, NULL, x->stock.name, x->stock.size, 0);
    bool ok = send_data(x) && recorded(x, step_alone(x->e, x->wormhole, mark_sent_all, NULL)) &&
              acknowledged(x) && recorded(x, step_alone(x->e, x->wormhole, deliver_all, &x->stock));
    progress_end(x->e, x->wormhole, x->stream);
    return ok;
}

/* ---- receiving ---- */

static int stage(struct step *step, void *arg)
{
    return node_stage(step->t, &(struct node_new){.type = NODE_FILE, .mode = 0644}, arg);
}

static int discard(struct step *step, void *arg)
{
    return node_discard(step->t, *(uint64_t *)arg);
}

static const char unwritable[] = "what came cannot be written to the disk, which is full or broken";

static bool receive_data(struct transfer *x, uint64_t ino)
{
    struct bytes in = {0}, plain = {0};
    bool ok = true;
    while (ok && !classic_data_complete(&x->data)) {
        uint64_t at = x->data.done;
        ok = receive_record(x, &in, &plain) && classic_data_count(&x->data, plain.len) == 0 &&
             EVP_DigestUpdate(x->hash, plain.data, plain.len) == 1;
        if (ok && plain.len > 0 && content_write(x->e->store, ino, plain.data, plain.len, at) < 0)
            ok = fail(x, unwritable);
    }
    bytes_release(&in);
    bytes_release(&plain);
    return ok && (content_flush(x->e->store, ino, true) == 0 || fail(x, unwritable));
}

struct publishing {
    struct transfer *x;
    uint64_t ino, files;
    uint64_t overhead; /* of what came out of a zip, beside its size */
};

static int publish(struct step *step, void *arg)
{
    struct publishing *p = arg;
    struct name final;
    struct name_arrival a = {.wormhole = step->slot->id,
                             .ino = p->ino,
                             .name = p->x->stock.in.name,
                             .name_len = strlen(p->x->stock.in.name),
                             .size = p->x->stock.in.size,
                             .overhead = p->overhead,
                             .files = p->files};
    int err = name_publish(step->t, &a, &final);
    if (err == 0)
        err = release_change(step, CHANGE_ARRIVED, p->ino, &final);
    step->state_changed = true;
    return err;
}

static int finish_well(struct step *step, void *arg)
{
    (void)arg;
    return finished(step, true);
}

/* (BUSY: it was told to end, as everything was.) */
static const char *why_not_unpacked(int err)
{
    if (err == STORE_ERR_HOSTILE || err == STORE_ERR_TOO_BIG)
        return "the folder's zip is damaged, too large, or would write outside the inbox";
    return err == STORE_ERR_NOSPACE ? "there is no room for what the folder's zip contains"
                                    : "the folder's zip cannot be unpacked";
}

static int room_now(struct transfer *x, uint64_t *bytes)
{
    struct view *v;
    int err = view_begin(x->e->store, &v);
    if (err < 0)
        return err;
    err = inbox_room(x->e, v, bytes);
    view_end(v);
    return err;
}

/* A directory comes as a zip: the staged file is replaced by the tree it holds. */
static bool unpack(struct transfer *x, struct publishing *p)
{
    uint64_t top = 0;
    struct zip_sum sum = {0};
    uint64_t room;
    if (!x->stock.in.directory)
        return true;
    int err = room_now(x, &room);
    if (err == 0)
        err = zip_unpack(x->e->store, p->ino, room, x->e->options.keep_exec, jobs_end, x->e, &top,
                         &sum);
    step_alone(x->e, x->wormhole, discard, &p->ino);
    p->ino = top;
    p->files = err == 0 ? sum.files : 0;
    p->overhead = err == 0 && sum.bytes > sum.zip_bytes ? sum.bytes - sum.zip_bytes : 0;
    return err == 0 || (err != STORE_ERR_BUSY && fail(x, why_not_unpacked(err)));
}

static void send_last(struct transfer *x, const struct bytes *plain)
{
    struct bytes wire = {0};
    if (record_encode(&x->tx, &wire, plain->data, plain->len) == 0)
        wire_send(x->stream, wire.data, wire.len);
    bytes_release(&wire);
}

/* If it does not arrive the peer sends it all again: at least once. */
static void send_ack(struct transfer *x)
{
    uint8_t sha256[CLASSIC_DATA_SHA256_BYTES];
    struct bytes plain = {0};
    if (hash_end(x, sha256) && classic_data_ack_build(&plain, sha256) == 0)
        send_last(x, &plain);
    bytes_release(&plain);
}

/* A Python sender that has sent all of it does not see that the connection ends. */
static void send_nack(struct transfer *x)
{
    struct bytes plain = {0};
    if (classic_data_nack_build(&plain, why_failed(x)) == 0)
        send_last(x, &plain);
    bytes_release(&plain);
}

/* All of it, until it is in the inbox. */
static bool take_all(struct transfer *x)
{
    struct publishing p = {.x = x, .files = 1};
    classic_data_init(&x->data, x->stock.in.size);
    int err = step_alone(x->e, x->wormhole, stage, &p.ino);
    if (!recorded(x, err) || !receive_data(x, p.ino)) {
        if (!step_is_undone(err))
            step_alone(x->e, x->wormhole, discard, &p.ino);
        return false;
    }
    if (!unpack(x, &p))
        return false;
    err = step_alone(x->e, x->wormhole, publish, &p);
    if (step_is_undone(err))
        step_alone(x->e, x->wormhole, discard, &p.ino);
    return recorded(x, err);
}

static bool receive_all(struct transfer *x)
{
    if (!take_all(x)) {
        send_nack(x);
        return false;
    }
    send_ack(x);
    /* Only now: the end of the session drops the connection. */
    return step_alone(x->e, x->wormhole, finish_well, NULL) == 0;
}

void stock_session_run(struct engine *e, uint64_t wormhole, const struct transit_plan *plan,
                       struct stream *stream)
{
    struct transfer x = {.e = e, .wormhole = wormhole, .stream = stream};
    enum transit_role role = plan->sender ? TRANSIT_SENDER : TRANSIT_RECEIVER;
    record_encoder_init(&x.tx, plan->key, role);
    record_decoder_init(&x.rx, plan->key, role);
    bool ok = hash_begin(&x) && step_alone(e, wormhole, copy_stock, &x.stock) == 0;
    if (ok) {
        progress_here(e, wormhole, stream);
        ok = plan->sender ? send_all(&x) : receive_all(&x);
        progress_gone(e, wormhole, stream);
    }
    if (!ok)
        step_alone(e, wormhole, finish_failed, &x);
    EVP_MD_CTX_free(x.hash);
    free(x.stock.items);
    record_encoder_release(&x.tx);
    record_decoder_release(&x.rx);
}
