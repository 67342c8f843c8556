/* The simulator's command line; scripts/sim is its face.
 *
 *     simulate [--seeds A..B] [--steps N] [--faults LIST] [--until-failure] [--verbose]
 *              [--every-kind] [--twins] [--trace]
 *
 * Exit 0 only if every seed passed. A failing seed tells one line that reproduces it and, run again
 * with its eyes open, what happened. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "store/heap.h"
#include "tests/sim/faults.h"
#include "tests/sim/last_words.h"
#include "tests/sim/seed.h"

enum { STEPS = 12, TWICE_ONE_IN = 40, CPU_S = 60, CPU_STEPS = 5 };

struct request {
    uint64_t first, last;
    unsigned steps;
    uint32_t faults;
    const char *list; /* of faults, as it was given; NULL: all */
    bool until_failure, verbose;
    bool trace; /* from the first run on: for one that dies */
    bool twins; /* two lives of one plan, with and without misfortunes */
    bool every; /* it is a failure if some misfortune or deed never happened */
};

static const char *const fault_names[] = {
#define FAULT_NAME(id, name) name,
    FAULTS(FAULT_NAME)
#undef FAULT_NAME
};

static const char *const deed_names[] = {
#define DEED_NAME(id, name) name,
    DEEDS(DEED_NAME)
#undef DEED_NAME
};

static void usage(void)
{
    fprintf(
        stderr,
        "usage: sim [--seeds A..B] [--steps N] [--faults LIST] [--until-failure] "
        "[--verbose] [--every-kind] [--twins] [--trace]\nfaults, separated by commas: all, none");
    for (int i = 0; i < FAULT_COUNT; i++)
        fprintf(stderr, ", %s", fault_names[i]);
    fprintf(stderr, "; with a - before it: all but that\n");
    exit(2);
}

static void parse_faults(struct request *r, const char *list)
{
    char text[512];
    r->list = list;
    snprintf(text, sizeof text, "%s", list);
    r->faults = text[0] == '-' ? (1u << FAULT_COUNT) - 1 : 0;
    for (char *save, *word = strtok_r(text, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
        bool minus = word[0] == '-';
        uint32_t bits = strcmp(word, "all") == 0 ? (1u << FAULT_COUNT) - 1 : 0;
        for (int i = 0; i < FAULT_COUNT; i++)
            if (strcmp(word + minus, fault_names[i]) == 0)
                bits = 1u << i;
        if (bits == 0 && strcmp(word, "none") != 0)
            usage();
        r->faults = minus ? r->faults & ~bits : r->faults | bits;
    }
}

static void parse(struct request *r, int argc, char **argv)
{
    static const struct option known[] = {{"seeds", required_argument, NULL, 's'},
                                          {"steps", required_argument, NULL, 'n'},
                                          {"faults", required_argument, NULL, 'f'},
                                          {"until-failure", no_argument, NULL, 'u'},
                                          {"verbose", no_argument, NULL, 'v'},
                                          {"every-kind", no_argument, NULL, 'e'},
                                          {"trace", no_argument, NULL, 't'},
                                          {"twins", no_argument, NULL, 'w'},
                                          {0}};
    for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        char *end;
        if (c == 's') {
            r->first = r->last = strtoull(optarg, &end, 10);
            if (strncmp(end, "..", 2) == 0)
                r->last = strtoull(end + 2, &end, 10);
            if (*end != '\0' || r->last < r->first)
                usage();
        } else if (c == 'n') {
            r->steps = (unsigned)strtoul(optarg, &end, 10);
            if (*end != '\0' || r->steps == 0)
                usage();
        } else if (c == 'f') {
            parse_faults(r, optarg);
        } else if (c == 'u') {
            r->until_failure = true;
        } else if (c == 'v') {
            r->verbose = true;
        } else if (c == 'e') {
            r->every = true;
        } else if (c == 't') {
            r->trace = true;
        } else if (c == 'w') {
            r->twins = true;
        } else {
            usage();
        }
    }
    if (optind < argc)
        usage();
}

static void reproduce(const struct request *r, uint64_t seed, char *out, size_t size)
{
    snprintf(out, size, "scripts/sim --seeds %llu..%llu --steps %u%s%s%.256s",
             (unsigned long long)seed, (unsigned long long)seed, r->steps,
             r->twins ? " --twins" : "", r->list != NULL ? " --faults " : "",
             r->list != NULL ? r->list : "");
}

static void run(const struct request *r, uint64_t seed, bool trace, struct seed_outcome *outcome,
                struct seed_result *result)
{
    char line[400];
    reproduce(r, seed, line, sizeof line);
    snprintf(line + strlen(line), sizeof line - strlen(line), " --trace");
    last_words_set(seed, line, CPU_S + r->steps / CPU_STEPS);
    bool whole = seed % TWICE_ONE_IN == 0;
    seed_run(&(struct seed_options){.seed = seed,
                                    .steps = r->steps,
                                    .faults = r->faults,
                                    .trace = trace,
                                    .outcome = outcome,
                                    .whole = whole},
             result);
}

/* Who dies, and when, changes nothing of what it comes to. */
static bool try_twins(const struct request *r, uint64_t seed, struct seed_result *result)
{
    static struct seed_outcome calm_end, end;
    struct request in_peace = *r;
    struct seed_result calm;
    in_peace.faults = 0;
    run(r, seed, r->trace, &end, result);
    if (!result->passed)
        return false;
    run(&in_peace, seed, r->trace, &calm_end, &calm);
    if (!calm.passed) {
        *result = calm;
        return false;
    }
    return seed_outcomes_same(&calm_end, &end, result->why);
}

/* Some seeds run twice: equal inputs give byte-equal outputs. */
static bool try_seed(const struct request *r, uint64_t seed, struct seed_result *result)
{
    if (r->twins)
        return try_twins(r, seed, result);
    run(r, seed, r->trace, NULL, result);
    if (!result->passed || seed % TWICE_ONE_IN != 0)
        return result->passed;
    struct seed_result again;
    run(r, seed, false, NULL, &again);
    if (again.digest == result->digest && again.calls == result->calls)
        return true;
    snprintf(result->why, sizeof result->why, "the same inputs gave other outputs");
    return false;
}

static void report(const struct request *r, uint64_t seed, const struct seed_result *result)
{
    struct seed_result again;
    char line[400];
    reproduce(r, seed, line, sizeof line);
    printf("FAILED: %s\n    %s\n", result->why, line);
    fflush(stdout);
    struct request traced = *r;
    traced.trace = true;
    if (r->trace)
        return;
    if (r->twins)
        try_twins(&traced, seed, &again);
    else
        run(&traced, seed, true, NULL, &again);
}

static void add(struct seed_result *sum, const struct seed_result *r)
{
    sum->sealed += r->sealed;
    sum->arrived += r->arrived;
    sum->compared += r->compared;
    sum->promises += r->promises;
    sum->in_part += r->in_part;
    sum->kills += r->kills;
    sum->calls += r->calls;
    sum->encryptions += r->encryptions;
    sum->paired += r->paired;
    sum->unpaired += r->unpaired;
    for (int i = 0; i < 2; i++)
        sum->connected[i] += r->connected[i];
    for (int i = 0; i < FAULT_COUNT; i++)
        sum->faults[i] += r->faults[i];
    for (int i = 0; i < DEED_COUNT; i++)
        sum->deeds[i] += r->deeds[i];
}

static void tell(const struct seed_result *sum)
{
    printf(
        "%llu entries sealed, %llu arrived, %llu compared, %llu kills, %llu calls to disks, "
        "%llu encryptions, %llu wormholes paired, %llu not\n%llu times said what is durable of an "
        "arrival, %llu times a part of one was there after a start\n%llu ends of bulk connections "
        "direct, %llu by the relay\nmisfortunes:",
        (unsigned long long)sum->sealed, (unsigned long long)sum->arrived,
        (unsigned long long)sum->compared, (unsigned long long)sum->kills,
        (unsigned long long)sum->calls, (unsigned long long)sum->encryptions,
        (unsigned long long)sum->paired, (unsigned long long)sum->unpaired,
        (unsigned long long)sum->promises, (unsigned long long)sum->in_part,
        (unsigned long long)sum->connected[0], (unsigned long long)sum->connected[1]);
    for (int i = 0; i < FAULT_COUNT; i++)
        printf(" %s %llu", fault_names[i], (unsigned long long)sum->faults[i]);
    printf("\ndeeds:");
    for (int i = 0; i < DEED_COUNT; i++)
        printf(" %s %llu", deed_names[i], (unsigned long long)sum->deeds[i]);
    printf("\n");
}

/* Has all happened that can be drawn? */
static bool has_every(const struct request *r, const struct seed_result *sum)
{
    bool all = true;
    for (int i = 0; i < FAULT_COUNT; i++) {
        if ((r->faults & 1u << i) == 0 || sum->faults[i] > 0)
            continue;
        printf("FAILED: %s never happened\n", fault_names[i]);
        all = false;
    }
    for (int i = 0; i < DEED_COUNT; i++) {
        if (sum->deeds[i] > 0)
            continue;
        printf("FAILED: nobody ever did %s\n", deed_names[i]);
        all = false;
    }
    if ((r->faults & (FAULT_BIT(KILL) | FAULT_BIT(POWER))) != 0 && sum->in_part == 0) {
        printf("FAILED: nobody died with a part of an arrival on disk\n");
        all = false;
    }
    return all;
}

int main(int argc, char **argv)
{
    struct request r = {
        .first = 1, .last = 1000, .steps = STEPS, .faults = (1u << FAULT_COUNT) - 1};
    struct seed_result sum = {0};
    uint64_t failed = 0, ran = 0;
    heap_prepare();
    parse(&r, argc, argv);
    last_words_begin();
    for (uint64_t seed = r.first; seed <= r.last; seed++) {
        struct seed_result result;
        ran++;
        if (!try_seed(&r, seed, &result)) {
            failed++;
            report(&r, seed, &result);
            if (r.until_failure)
                break;
        }
        add(&sum, &result);
    }
    last_words_end();
    if (r.verbose)
        tell(&sum);
    bool every = !r.every || has_every(&r, &sum);
    printf("%llu seeds, %llu failed\n", (unsigned long long)ran, (unsigned long long)failed);
    return failed == 0 && every ? 0 : 1;
}
