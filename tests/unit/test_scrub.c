/* Erased and replaced secrets must not be found in any file of the store. Each secret is one word
 * of 16 random-looking bytes, repeated, so that no piece of it can be missed. */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include "tests/unit/store_rig.h"
#include "store/queues.h"
#include "store/scrub.h"
#include "store/secrets.h"

enum { WORD = 16, WORMHOLES = 24, ROUNDS = 40, SECRET_MAX = 30 * 1000 };

/* ---- words ---- */

static uint64_t mix(uint64_t x)
{
    x ^= x >> 30;
    x *= 0xbf58476d1ce4e5b9U;
    x ^= x >> 27;
    x *= 0x94d049bb133111ebU;
    return x ^ x >> 31;
}

static void word_of(uint8_t out[static WORD], uint64_t owner, uint64_t round)
{
    uint64_t seed = owner << 32 | round;
    uint64_t halves[2] = {mix(seed * 2 + 1), mix(seed * 2 + 2)};

    memcpy(out, halves, WORD);
}

/* Sizes from one word to several pages, another one each time, so that rows move. */
static size_t fill(uint8_t out[static SECRET_MAX], uint64_t owner, uint64_t round)
{
    size_t len = WORD * (1 + mix(owner * 977 + round) % (round % 3 ? 40 : SECRET_MAX / WORD));

    for (size_t at = 0; at < len; at += WORD)
        word_of(out + at, owner, round);
    return len;
}

/* ---- the files ---- */

/* All that the store's files hold, one after another. */
struct image {
    uint8_t *data;
    size_t len;
};

static void add_file(struct image *image, const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY);

    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &st), 0);
    image->data = realloc(image->data, image->len + (size_t)st.st_size + 1);
    assert_non_null(image->data);
    assert_int_equal(pread(fd, image->data + image->len, (size_t)st.st_size, 0), st.st_size);
    image->len += (size_t)st.st_size;
    close(fd);
}

static struct image take_image(const struct rig *r)
{
    struct image image = {0};
    char path[512];
    DIR *dir = opendir(r->dir);

    assert_non_null(dir);
    for (const struct dirent *e; (e = readdir(dir)) != NULL;) {
        snprintf(path, sizeof(path), "%s/%s", r->dir, e->d_name);
        if (e->d_type == DT_REG && strcmp(e->d_name, "reserve") != 0)
            add_file(&image, path);
    }
    closedir(dir);
    assert_true(image.len > 0);
    return image;
}

static bool image_has(const struct image *image, const void *what, size_t len)
{
    return memmem(image->data, image->len, what, len) != NULL;
}

static bool image_has_word(const struct image *image, uint64_t owner, uint64_t round)
{
    uint8_t word[WORD];

    word_of(word, owner, round);
    return image_has(image, word, WORD);
}

static bool is_on_disk(const struct rig *r, const void *what, size_t len)
{
    struct image image = take_image(r);
    bool found = image_has(&image, what, len);

    free(image.data);
    return found;
}

static bool word_is_on_disk(const struct rig *r, uint64_t owner, uint64_t round)
{
    uint8_t word[WORD];

    word_of(word, owner, round);
    return is_on_disk(r, word, WORD);
}

static void scrub(struct rig *r)
{
    assert_true(scrub_owed(r->store));
    assert_int_equal(scrub_run(r->store), 0);
    assert_false(scrub_owed(r->store));
}

/* ---- the tests ---- */

static void put(struct rig *r, uint64_t owner, uint64_t round)
{
    static uint8_t secret[SECRET_MAX];
    size_t len = fill(secret, owner, round);
    struct turn *t = rig_turn(r);

    assert_int_equal(secret_put(t, owner, secret, len), 0);
    commit(t);
}

static bool has_old_word(const struct image *image)
{
    for (uint64_t round = ROUNDS; round-- > 0;)
        for (uint64_t owner = 1; owner <= WORMHOLES; owner++)
            if (image_has_word(image, owner, round))
                return true;
    return false;
}

/* Of all the snapshots that ever were, the last of each wormhole, and of the dead none. */
static void replaced_keys_are_gone(void **state)
{
    struct rig *r = *state;

    for (uint64_t round = 0; round < ROUNDS; round++)
        for (uint64_t owner = 1; owner <= WORMHOLES; owner++)
            if (round == 0 || mix(owner + round * 77) % 3)
                put(r, owner, round);
            else
                put(r, owner, round - 1);
    for (uint64_t owner = 1; owner <= WORMHOLES; owner++) {
        put(r, owner, ROUNDS);
        if (owner % 4 == 0) {
            struct turn *t = rig_turn(r);
            assert_int_equal(secret_erase(t, owner), 0);
            commit(t);
        }
    }
    struct image before = take_image(r);
    assert_true(has_old_word(&before)); /* the WAL has them: why there is a scrub */
    scrub(r);
    struct image after = take_image(r);
    assert_false(has_old_word(&after));
    for (uint64_t owner = 1; owner <= WORMHOLES; owner++)
        assert_int_equal(image_has_word(&after, owner, ROUNDS), owner % 4 != 0);
    free(before.data);
    free(after.data);
}

static void used_codes_are_gone(void **state)
{
    static const char first[] = "4-first-enterprise", second[] = "5-second-orchestra";
    struct rig *r = *state;
    struct turn *t = rig_turn(r);

    assert_int_equal(code_put(t, r->id, first), 0);
    commit(t);
    t = rig_turn(r);
    assert_int_equal(code_put(t, r->id, second), 0);
    commit(t);
    scrub(r);
    assert_false(is_on_disk(r, first, sizeof(first) - 1));
    assert_true(is_on_disk(r, second, sizeof(second) - 1));
    t = rig_turn(r);
    assert_int_equal(code_erase(t, r->id), 0);
    commit(t);
    scrub(r);
    assert_false(is_on_disk(r, second, sizeof(second) - 1));
}

/* A wormhole that was made by its code is called so until it is renamed. */
static void a_code_that_was_a_name_is_gone(void **state)
{
    static const char code[] = "6-typed-uncle";
    struct rig *r = *state;
    struct wormhole_new what = {.name = name_of(code), .hidden_as = "6-…"};
    struct name bob = name_of("bob");
    struct turn *t = rig_turn(r);
    uint64_t id;

    assert_int_equal(wormhole_create(t, &what, &id), 0);
    commit(t);
    t = rig_turn(r);
    assert_int_equal(wormhole_rename(t, id, &bob), 0);
    commit(t);
    scrub(r);
    assert_false(is_on_disk(r, code, sizeof(code) - 1));
    assert_false(is_on_disk(r, "typed", 5));
}

static void kept_bodies_are_gone(void **state)
{
    struct rig *r = *state;
    uint8_t body[SECRET_MAX], acked[SECRET_MAX];
    size_t len = fill(body, 500, 0), acked_len = fill(acked, 501, 0);
    struct message m = {.wormhole = r->id, .number = 7, .body = acked, .body_len = acked_len};
    struct turn *t = rig_turn(r);

    assert_int_equal(ciphertext_put(t, r->id, 1, "phase", body, len), 0);
    assert_int_equal(message_add(t, &m), 0);
    commit(t);
    t = rig_turn(r);
    assert_int_equal(ciphertext_erase_mailbox(t, r->id, 1), 0);
    assert_int_equal(message_acked(t, r->id, 7), 1);
    commit(t);
    scrub(r);
    assert_false(word_is_on_disk(r, 500, 0));
    assert_false(word_is_on_disk(r, 501, 0));
}

static void a_reader_defers_it(void **state)
{
    struct rig *r = *state;
    struct view *v = rig_view(r);
    struct blob blob = {0};

    assert_int_equal(secret_get(v, 1, &blob), STORE_ERR_NOT_FOUND); /* now it has its snapshot */
    put(r, 1, 1);
    put(r, 1, 2);
    assert_int_equal(scrub_run(r->store), STORE_ERR_BUSY);
    view_end(v);
    scrub(r);
    assert_false(word_is_on_disk(r, 1, 1));
}

static void after_a_death_it_is_owed(void **state)
{
    struct rig *r = *state;

    put(r, 1, 1);
    scrub(r);
    rig_reopen(r);
    scrub(r);
    assert_int_equal(scrub_run(r->store), 0); /* nothing to do */
}

static void closing_is_a_scrub(void **state)
{
    struct rig *r = *state;

    put(r, 1, 1);
    put(r, 1, 2);
    rig_close(r);
    assert_false(word_is_on_disk(r, 1, 1));
    assert_int_equal(rig_open(r), 0);
}

/* What the kernel refuses stays owed, and nothing is lost by it. */
static void a_failure_stays_owed(void **state)
{
    struct rig *r = *state;
    struct blob blob = {0};

    put(r, 1, 1);
    put(r, 1, 2);
    rig_fail(r, OPS(IO_SYNC), NULL, 1, 1000, -EIO);
    assert_true(scrub_run(r->store) < 0);
    assert_true(scrub_owed(r->store));
    rig_heal(r);
    assert_int_equal(store_sync(r->store), STORE_ERR_BROKEN); /* as after any failed sync */
    assert_int_equal(store_sync(r->store), 0);
    scrub(r);
    assert_false(word_is_on_disk(r, 1, 1));
    struct view *v = rig_view(r);
    assert_int_equal(secret_get(v, 1, &blob), 0);
    view_end(v);
    blob_release(&blob);
}

/* Whatever umask the daemon was started with. */
static void everything_is_private(void **state)
{
    struct rig *r = *state;
    struct stat st;
    char path[512];

    put(r, 1, 1);
    assert_int_equal(stat(r->dir, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    DIR *dir = opendir(r->dir);
    assert_non_null(dir);
    unsigned files = 0;
    for (const struct dirent *e; (e = readdir(dir)) != NULL;) {
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/%s", r->dir, e->d_name);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, S_ISDIR(st.st_mode) ? 0700 : 0600);
        files++;
    }
    closedir(dir);
    assert_true(files >= 4); /* journal, WAL, lock, spool */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rig_test(replaced_keys_are_gone),
        rig_test(used_codes_are_gone),
        rig_test(a_code_that_was_a_name_is_gone),
        rig_test(kept_bodies_are_gone),
        rig_test(a_reader_defers_it),
        rig_test(after_a_death_it_is_owed),
        rig_test(closing_is_a_scrub),
        rig_test(a_failure_stays_owed),
        rig_test(everything_is_private),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
