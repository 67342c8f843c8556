/* Codes: names of directories, and what is written into `code`. */
#include "proto/code.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    char nameplate[CODE_NAMEPLATE_MAX + 1] = "";
    char *text = malloc(len + 1);

    MUST(text != NULL);
    memcpy(text, data, len);
    text[len] = '\0';
    bool ok = code_check(text) == PROTO_OK;
    bool named = code_nameplate(nameplate, text) == PROTO_OK;
    MUST(!ok || (named && strlen(text) <= CODE_TEXT_MAX));
    MUST(!code_is_pgp(text) || ok);
    if (named) {
        size_t digits = strspn(nameplate, "0123456789");
        MUST(digits >= 1 && digits <= CODE_NAMEPLATE_MAX && nameplate[digits] == '\0');
        MUST(strncmp(text, nameplate, digits) == 0 && text[digits] == '-');
    }
    free(text);
    return 0;
}
