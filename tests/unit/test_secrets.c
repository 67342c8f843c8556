/* Secrets: kept, replaced, erased, and never left in the file. */
#include "store_rig.h"

#include "store/secrets.h"

static void test_snapshots(void **state)
{
    struct rig *r = *state;
    struct blob b = {0};
    static char big[SNAPSHOT_BYTES_MAX + 1];
    struct turn *t = rig_turn(r);
    assert_int_equal(secret_put(t, r->id, "first", 5), 0);
    assert_int_equal(secret_put(t, r->id, "second", 6), 0);
    assert_int_equal(secret_put(t, 0, "", 0), 0);
    assert_int_equal(secret_put(t, r->id, big, sizeof big), STORE_ERR_TOO_BIG);
    commit(t);
    rig_reopen(r);
    struct view *v = rig_view(r);
    assert_int_equal(secret_get(v, r->id, &b), 0);
    assert_int_equal(b.len, 6);
    assert_memory_equal(b.data, "second", 6);
    blob_release(&b);
    assert_int_equal(secret_get(v, 0, &b), 0);
    assert_int_equal(b.len, 0);
    blob_release(&b);
    assert_int_equal(secret_get(v, 99, &b), STORE_ERR_NOT_FOUND);
    view_end(v);
    t = rig_turn(r);
    assert_int_equal(secret_erase(t, r->id), 0);
    assert_int_equal(secret_get(turn_view(t), r->id, &b), STORE_ERR_NOT_FOUND);
    commit(t);
}

struct seen {
    char text[128];
};

static int see(void *arg, const char *phase, const uint8_t *body, size_t len)
{
    struct seen *s = arg;
    strcat(s->text, phase);
    strcat(s->text, "=");
    strncat(s->text, (const char *)body, len);
    strcat(s->text, " ");
    return 0;
}

static int see_all(void *arg, int64_t mailbox, const char *phase, const uint8_t *body, size_t len)
{
    struct seen *s = arg;
    sprintf(s->text + strlen(s->text), "%d:", (int)mailbox);
    return see(arg, phase, body, len);
}

static void test_what_was_encrypted_once_stays(void **state)
{
    struct rig *r = *state;
    struct blob b = {0};
    struct turn *t = rig_turn(r);
    assert_int_equal(ciphertext_put(t, r->id, 0, "pake", "P", 1), 0);
    assert_int_equal(ciphertext_put(t, r->id, 0, "pake", "P", 1), 0);
    assert_int_equal(ciphertext_put(t, r->id, 0, "pake", "Q", 1), STORE_ERR_EXISTS);
    assert_int_equal(ciphertext_put(t, r->id, 0, "pake", "PP", 2), STORE_ERR_EXISTS);
    assert_int_equal(ciphertext_put(t, r->id, 1, "pake", "R", 1), 0);
    assert_int_equal(ciphertext_put(t, r->id, 0, "10", "ten", 3), 0);
    assert_int_equal(ciphertext_put(t, r->id, 0, "9", "nine", 4), 0);
    commit(t);
    struct seen s = {""};
    struct view *v = rig_view(r);
    assert_int_equal(ciphertext_each(v, r->id, 0, see, &s), 0);
    assert_string_equal(s.text, "pake=P 10=ten 9=nine ");
    s.text[0] = '\0';
    assert_int_equal(ciphertext_all(v, r->id, see_all, &s), 0);
    assert_string_equal(s.text, "0:pake=P 1:pake=R 0:10=ten 0:9=nine ");
    assert_int_equal(ciphertext_get(v, r->id, 1, "pake", &b), 0);
    assert_memory_equal(b.data, "R", 1);
    blob_release(&b);
    view_end(v);
    t = rig_turn(r);
    assert_int_equal(ciphertext_erase(t, r->id, 0, "10"), 0);
    assert_int_equal(ciphertext_get(turn_view(t), r->id, 0, "10", &b), STORE_ERR_NOT_FOUND);
    assert_int_equal(ciphertext_erase_mailbox(t, r->id, 0), 0);
    s.text[0] = '\0';
    assert_int_equal(ciphertext_all(turn_view(t), r->id, see_all, &s), 0);
    assert_string_equal(s.text, "1:pake=R ");
    commit(t);
}

static void test_bounds(void **state)
{
    struct rig *r = *state;
    static char big[CIPHERTEXT_BYTES_MAX + 1];
    char phase[PHASE_BYTES_MAX + 2], code[CODE_BYTES_MAX + 2];
    memset(phase, '1', sizeof phase);
    phase[sizeof phase - 1] = '\0';
    memset(code, 'c', sizeof code);
    code[sizeof code - 1] = '\0';
    struct turn *t = rig_turn(r);
    assert_int_equal(ciphertext_put(t, r->id, 0, "0", big, sizeof big), STORE_ERR_TOO_BIG);
    assert_int_equal(ciphertext_put(t, r->id, 0, phase, "x", 1), STORE_ERR_TOO_BIG);
    assert_int_equal(code_put(t, r->id, code), STORE_ERR_TOO_BIG);
    turn_abort(t);
}

static void test_codes(void **state)
{
    struct rig *r = *state;
    char code[CODE_BYTES_MAX + 1];
    struct turn *t = rig_turn(r);
    assert_int_equal(code_get(turn_view(t), r->id, code), STORE_ERR_NOT_FOUND);
    assert_int_equal(code_put(t, r->id, "7-guitarist-revenge"), 0);
    assert_int_equal(code_put(t, r->id, "8-other-words"), 0);
    assert_int_equal(code_get(turn_view(t), r->id, code), 0);
    assert_string_equal(code, "8-other-words");
    assert_int_equal(code_erase(t, r->id), 0);
    assert_int_equal(code_get(turn_view(t), r->id, code), STORE_ERR_NOT_FOUND);
    commit(t);
}

static bool file_holds(struct rig *r, const char *name, const char *needle)
{
    char path[160];
    static char bytes[4 << 20];
    snprintf(path, sizeof path, "%s/%s", r->dir, name);
    FILE *f = fopen(path, "r");
    if (!f)
        return false;
    size_t len = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    return memmem(bytes, len, needle, strlen(needle)) != NULL;
}

static void test_erased_means_overwritten(void **state)
{
    struct rig *r = *state;
    char secret[20000];
    for (size_t i = 0; i < sizeof secret; i++)
        secret[i] = "TOPSECRETKEY"[i % 12];
    struct turn *t = rig_turn(r);
    assert_int_equal(secret_put(t, r->id, secret, sizeof secret), 0);
    commit(t);
    rig_reopen(r); /* folds the WAL in, and deletes it */
    assert_true(file_holds(r, "journal.sqlite", "TOPSECRETKEY"));
    t = rig_turn(r);
    assert_int_equal(secret_erase(t, r->id), 0);
    commit(t);
    rig_close(r);
    assert_false(file_holds(r, "journal.sqlite", "TOPSECRETKEY"));
    assert_false(file_holds(r, "journal.sqlite-wal", "TOPSECRETKEY"));
    assert_int_equal(rig_open(r), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rig_test(test_snapshots),
        rig_test(test_what_was_encrypted_once_stays),
        rig_test(test_bounds),
        rig_test(test_codes),
        rig_test(test_erased_means_overwritten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
