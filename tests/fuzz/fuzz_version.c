/* The version message of a peer: JSON, from a stock client or a wormholefs. */
#include "proto/version.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct version v = {0}, w = {0};
    struct bytes built = {0};

    if (version_parse(&v, data, len) == PROTO_OK) {
        MUST(strnlen(v.software, sizeof v.software) <= SOFTWARE_LEN_MAX);
        for (const char *c = v.software; *c != '\0'; c++)
            MUST(*c >= 32 && *c < 127);
        MUST(version_build(&built, v.incarnation, v.software) == PROTO_OK);
        MUST(version_parse(&w, built.data, built.len) == PROTO_OK && w.persistent);
        MUST(memcmp(v.incarnation, w.incarnation, sizeof v.incarnation) == 0);
        MUST(strcmp(v.software, w.software) == 0);
    }
    bytes_release(&built);
    return 0;
}
