#include "tests/sim/last_words.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
void __sanitizer_set_death_callback(void (*callback)(void));
#endif

static char words[512];

static void say(const char *text)
{
    if (write(STDOUT_FILENO, text, strlen(text)) < 0)
        _exit(3); /* nobody listens */
}

static void speak(const char *why)
{
    if (words[0] == '\0')
        return;
    say("FAILED: ");
    say(why);
    say(words);
    words[0] = '\0'; /* once: a sanitizer's death may end with an abort */
}

/* Only what is safe in a handler; the signal then does what it would have done. */
static void on_signal(int number)
{
    speak(number == SIGPROF ? "it does not end" : number == SIGABRT ? "it aborts" : "it crashes");
    raise(number);
}

#if defined(__SANITIZE_ADDRESS__)
static void on_death(void)
{
    speak("a sanitizer stopped it");
}
#endif

void last_words_begin(void)
{
    static char stack[64 << 10]; /* of its own: the crash may be the stack's end */
    static const int numbers[] = {
        SIGABRT,
        SIGPROF,
#if !defined(__SANITIZE_ADDRESS__)
        SIGSEGV,
        SIGBUS,
        SIGFPE,
        SIGILL
#endif
    };
    sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof stack}, NULL);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct sigaction act = {.sa_handler = on_signal};
        act.sa_flags = (int)(SA_RESETHAND | SA_NODEFER | SA_ONSTACK);
        sigaction(numbers[i], &act, NULL);
    }
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_set_death_callback(on_death);
#endif
}

void last_words_set(uint64_t seed, const char *line, unsigned cpu_s)
{
    const char *die = getenv("SIM_DIES"); /* a signal's number, for last_words.sh */
    struct itimerval limit = {.it_value = {.tv_sec = (time_t)cpu_s}};
    snprintf(words, sizeof words, ": seed %llu\n    %s\n", (unsigned long long)seed, line);
    setitimer(ITIMER_PROF, &limit, NULL);
    if (die != NULL)
        raise(atoi(die));
}

void last_words_end(void)
{
    words[0] = '\0';
    setitimer(ITIMER_PROF, &(struct itimerval){0}, NULL);
}
