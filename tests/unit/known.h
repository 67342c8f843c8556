/* Reading the known answers of tests/vectors/vectors.json, for tests. The folder comes in the
 * environment variable VECTORS. Every getter fails the test if what it looks for is not there. */
#ifndef TESTS_UNIT_KNOWN_H
#define TESTS_UNIT_KNOWN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "proto/bytes.h"
#include "proto/error.h"
#include "proto/kdf.h"

enum { BLOB_MAX = 8192 };

/* What a hex string of the file stands for. */
struct blob {
    uint8_t data[BLOB_MAX];
    size_t len;
};

static json_t *vectors;

static inline int load(void **state)
{
    char path[4096];
    const char *folder = getenv("VECTORS");
    json_error_t error;

    (void)state;
    if (folder == NULL)
        return -1;
    snprintf(path, sizeof(path), "%s/vectors.json", folder);
    vectors = json_load_file(path, 0, &error);
    return vectors == NULL ? -1 : 0;
}

static inline int unload(void **state)
{
    (void)state;
    json_decref(vectors);
    return 0;
}

static inline const json_t *get(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    if (value == NULL)
        fail_msg("no %s", key);
    return value;
}

static inline const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(get(object, key));

    if (text == NULL)
        fail_msg("%s is no string", key);
    return text;
}

static inline size_t int_of(const json_t *object, const char *key)
{
    const json_t *value = get(object, key);

    assert_true(json_is_integer(value) && json_integer_value(value) >= 0);
    return (size_t)json_integer_value(value);
}

static inline struct blob unhex(const char *hex)
{
    struct blob b = {.len = strlen(hex) / 2};

    assert_true(b.len < BLOB_MAX);
    assert_int_equal(hex_decode(b.data, b.len, hex, strlen(hex)), PROTO_OK);
    return b;
}

static inline struct blob blob_of(const json_t *object, const char *key)
{
    return unhex(text_of(object, key));
}

static inline struct blob bytes_of(const json_t *object, const char *key, size_t len)
{
    struct blob b = blob_of(object, key);

    assert_int_equal(b.len, len);
    return b;
}

static inline void assert_bytes(const void *got, size_t len, const json_t *object, const char *key)
{
    struct blob want = bytes_of(object, key, len);

    assert_memory_equal(got, want.data, len);
}

static inline void assert_buffer(const struct bytes *got, const json_t *object, const char *key)
{
    assert_true(bytes_ok(got));
    assert_bytes(got->data, got->len, object, key);
}

/* kdf_purpose of the key in one field gives what is in another. */
static inline void assert_purpose(const json_t *object, const char *key_name, const char *purpose,
                                  const char *want_name)
{
    struct blob key = bytes_of(object, key_name, KDF_KEY_BYTES);
    uint8_t out[32];

    kdf_purpose(out, sizeof(out), key.data, purpose);
    assert_bytes(out, sizeof(out), object, want_name);
}

/* An array of the file that must not be empty, or the test would show nothing. */
static inline const json_t *cases_of(const json_t *object, const char *key)
{
    const json_t *array = get(object, key);

    assert_true(json_is_array(array) && json_array_size(array) > 0);
    return array;
}

#define foreach(item, array) for (size_t i_ = 0; (item = json_array_get(array, i_)) != NULL; i_++)

#endif
