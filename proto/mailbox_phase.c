#include "proto/mailbox_phase.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "proto/bytes.h"

enum { EPHEMERAL_RANDOM_BYTES = 8, EPHEMERAL_LEN = 1 + 2 * EPHEMERAL_RANDOM_BYTES };

static_assert((int)EPHEMERAL_LEN <= (int)PHASE_LEN_MAX, "an ephemeral phase fits");

bool mailbox_phase_number(const char *phase, uint64_t *number)
{
    uint64_t n = 0;

    if (phase[0] == '\0' || (phase[0] == '0' && phase[1] != '\0'))
        return false;
    for (; *phase != '\0'; phase++) {
        if (*phase < '0' || *phase > '9')
            return false;
        uint64_t digit = (uint64_t)(*phase - '0');
        if (n > (UINT64_MAX - 3 - digit) / 10)
            return false;
        n = 10 * n + digit;
    }
    *number = n;
    return true;
}

bool mailbox_phase_is_ephemeral(const char *phase)
{
    return phase[0] == 'e' && strspn(phase + 1, "0123456789abcdef") == EPHEMERAL_LEN - 1 &&
           phase[EPHEMERAL_LEN] == '\0';
}

bool mailbox_phase_is_lasting(const char *phase)
{
    uint64_t number;

    return strcmp(phase, "pake") == 0 || strcmp(phase, "version") == 0 ||
           mailbox_phase_number(phase, &number);
}

void mailbox_phase_of_number(char out[static PHASE_LEN_MAX + 1], uint64_t number)
{
    snprintf(out, PHASE_LEN_MAX + 1, "%" PRIu64, number);
}

void mailbox_phase_draw(char out[static PHASE_LEN_MAX + 1], struct now *now)
{
    uint8_t random[EPHEMERAL_RANDOM_BYTES];

    now_random(now, random, sizeof(random));
    out[0] = 'e';
    hex_encode(out + 1, random, sizeof(random));
}
