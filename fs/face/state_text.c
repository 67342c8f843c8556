#include "fs/face/state_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "fs/log.h"

enum { BAR_WIDTH = 16, LINE_MAX_BYTES = 8 * 1024 };

struct lines {
    char *out;
    size_t cap, len;
    bool full;
};

/* A whole line or nothing, and nothing after a line that did not fit. */
__attribute__((format(printf, 2, 3))) static void line(struct lines *l, const char *format, ...)
{
    char text[LINE_MAX_BYTES];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text - 1, format, args);
    va_end(args);
    if (len < 0)
        len = 0;
    if ((size_t)len > sizeof text - 2)
        len = (int)sizeof text - 2;
    text[len] = '\0';
    log_printable(text); /* a peer's sentence must not make lines of its own */
    text[len++] = '\n';
    if (l->full || l->len + (size_t)len + 1 > l->cap) {
        l->full = true;
        return;
    }
    memcpy(l->out + l->len, text, (size_t)len);
    l->len += (size_t)len;
    l->out[l->len] = '\0';
}

void state_size(char out[static STATE_SIZE_TEXT], uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)bytes;
    size_t unit = 0;
    /* 1023.95 would be printed as 1024.0 */
    while (value >= (unit == 0 ? 1024 : 1023.95) && unit + 1 < sizeof units / sizeof units[0]) {
        value /= 1024;
        unit++;
    }
    snprintf(out, STATE_SIZE_TEXT, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
}

void state_time(char out[static STATE_TIME_TEXT], int64_t time_ms)
{
    time_t seconds = (time_t)(time_ms / 1000);
    struct tm local;
    if (!localtime_r(&seconds, &local) ||
        strftime(out, STATE_TIME_TEXT, "%Y-%m-%d %H:%M", &local) == 0)
        strcpy(out, "-");
}

static const char *plural(uint64_t count)
{
    return count == 1 ? "entry" : "entries";
}

static void peer_line(struct lines *l, const struct state_facts *f)
{
    char when[STATE_TIME_TEXT];
    if (!f->peer) {
        line(l, "peer:    -");
        return;
    }
    const char *space = f->peer_version[0] ? " " : "";
    if (f->here_now) {
        line(l, "peer:    %s%s%s, here now", f->peer, space, f->peer_version);
    } else if (f->last_heard_ms > 0) {
        state_time(when, f->last_heard_ms);
        line(l, "peer:    %s%s%s, last heard %s", f->peer, space, f->peer_version, when);
    } else {
        line(l, "peer:    %s%s%s", f->peer, space, f->peer_version);
    }
}

static void time_left(char *out, size_t cap, const struct state_facts *f)
{
    uint64_t left = f->sending_size > f->sending_done ? f->sending_size - f->sending_done : 0;
    double seconds = f->bytes_per_s >= 1 ? (double)left / f->bytes_per_s : 0;
    if (f->bytes_per_s < 1)
        snprintf(out, cap, "%5s", "-");
    else if (seconds < 1000)
        snprintf(out, cap, "%3.0f s", seconds);
    else if (seconds < 60000)
        snprintf(out, cap, "%3.0f m", seconds / 60);
    else
        snprintf(out, cap, "%3.0f h", seconds / 3600 < 999 ? seconds / 3600 : 999);
}

/* All of fixed width, so that the size of the file changes only when something else does. */
static void sending_line(struct lines *l, const struct state_facts *f)
{
    char bar[BAR_WIDTH + 1], left[16];
    if (!f->sending) {
        line(l, "sending: -");
        return;
    }
    double part = f->sending_size > 0 ? (double)f->sending_done / (double)f->sending_size : 0;
    if (part > 1)
        part = 1;
    int full = (int)(part * BAR_WIDTH);
    memset(bar, '.', BAR_WIDTH);
    memset(bar, '#', (size_t)full);
    bar[BAR_WIDTH] = '\0';
    double rate = f->bytes_per_s / 1e6;
    time_left(left, sizeof left, f);
    line(l, "sending: %s  [%s] %3d%%  %5.*f MB/s  %s left", f->sending_name, bar,
         (int)(part * 100 + 1e-9), rate < 100 ? 1 : 0, rate > 99999 ? 99999 : rate, left);
}

static void sent_line(struct lines *l, const struct state_facts *f)
{
    char when[STATE_TIME_TEXT];
    if (f->sent_count == 0 || !f->sent_last[0]) {
        line(l, "sent:    %llu %s", (unsigned long long)f->sent_count, plural(f->sent_count));
        return;
    }
    state_time(when, f->sent_ms);
    line(l, "sent:    %llu %s, last %s %s (%s)", (unsigned long long)f->sent_count,
         plural(f->sent_count), f->sent_last, when, f->sent_how);
}

/* A peer may say what it likes, but "; " is between entries. */
static size_t reason(char *out, size_t cap, const char *why)
{
    int len = cap > 0 ? snprintf(out, cap, "%s)", why) : 0;
    for (char *at = out; cap > 0 && (at = strchr(at, ';')); at++)
        *at = ',';
    return (size_t)len;
}

static void held_line(struct lines *l, const struct state_facts *f)
{
    char text[LINE_MAX_BYTES - 64];
    size_t len = 0;
    text[0] = '\0';
    if (f->held_count == 0) {
        line(l, "held:    -");
        return;
    }
    for (size_t i = 0; i < f->held_shown && len < sizeof text; i++) {
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%s (", i > 0 ? "; " : "",
                                f->held[i].name);
        len += reason(text + len, len < sizeof text ? sizeof text - len : 0, f->held[i].why);
    }
    if (f->held_count > f->held_shown && len < sizeof text)
        snprintf(text + len, sizeof text - len, "%sand %llu more", len > 0 ? "; " : "",
                 (unsigned long long)(f->held_count - f->held_shown));
    line(l, "held:    %s", text);
}

size_t state_text(char *out, size_t cap, const struct state_facts *f)
{
    struct lines l = {.out = out, .cap = cap};
    char size[STATE_SIZE_TEXT];
    if (cap == 0)
        return 0;
    out[0] = '\0';
    line(&l, "state:   %s", f->state);
    peer_line(&l, f);
    state_size(size, f->outbox_bytes);
    line(&l, "outbox:  %llu %s, %s", (unsigned long long)f->outbox_entries,
         plural(f->outbox_entries), size);
    sending_line(&l, f);
    sent_line(&l, f);
    line(&l, "inbox:   %llu %s", (unsigned long long)f->inbox_entries, plural(f->inbox_entries));
    held_line(&l, f);
    line(&l, "problem: %s", f->problem[0] ? f->problem : "-");
    line(&l, "event:   %llu", (unsigned long long)f->event);
    return l.len;
}
