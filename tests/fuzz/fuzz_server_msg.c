/* One text message from a mailbox server. */
#include "proto/server_msg.h"
#include "tests/fuzz/fuzz.h"

static void check_text(const char *text, size_t room)
{
    MUST(strnlen(text, room) < room);
    for (; *text != '\0'; text++)
        MUST((unsigned char)*text >= 32 && *text != 127);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct server_msg m;
    struct bytes again = {0};
    int err = server_msg_parse(&m, data, len);

    if (err == PROTO_OK) {
        check_text(m.nameplate, sizeof m.nameplate);
        check_text(m.mailbox, sizeof m.mailbox);
        check_text(m.side, sizeof m.side);
        check_text(m.phase, sizeof m.phase);
        check_text(m.error, sizeof m.error);
        check_text(m.motd, sizeof m.motd);
        MUST(m.body.len <= FOREIGN_BODY_MAX && m.nameplate_count <= SERVER_NAMEPLATES_MAX);
        for (size_t i = 0; i < m.nameplate_count; i++)
            check_text(m.nameplates[i], sizeof m.nameplates[i]);
        if (m.kind == SERVER_MESSAGE) {
            MUST(m.side[0] != '\0' && m.phase[0] != '\0');
            server_msg_add(&again, "1", m.phase, m.body.data, m.body.len);
            MUST(bytes_ok(&again));
        }
    }
    server_msg_release(&m);
    bytes_release(&again);
    return 0;
}
