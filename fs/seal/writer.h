/* Who writes into the mount? What /proc says of a process, and nothing else.
 *
 * FUSE gives the caller's *thread* id. Here `tid` is such a number, `pid` the number of a whole
 * process. A number that was reused is told apart by the time at which its process began. What
 * /proc does not show (another pid namespace, hidepid), or not in time (procfs.h), is unknown,
 * never guessed.
 *
 * All functions from any thread. Those that read about others may take PROCFS_WAIT_MS, if one of
 * them happens to be inside execve; only writer_at_flush may block for longer. */
#ifndef FS_SEAL_WRITER_H
#define FS_SEAL_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    WRITER_NAME_MAX = 64,    /* bytes of a command's name with the NUL */
    WRITER_PARENTS_MAX = 64, /* how far up writer_descends and writer_line look */
};

/* One process, for ever. */
struct writer_id {
    pid_t pid;      /* 0: nobody */
    uint64_t start; /* clock ticks after boot */
};

bool writer_id_equal(const struct writer_id *a, const struct writer_id *b);

/* ---- pure ---- */

/* The fields of /proc/TID/stat that matter; proc(5) numbers them. */
struct writer_stat {
    pid_t tid;                  /* 1 */
    char name[WRITER_NAME_MAX]; /* 2, printable */
    char state;                 /* 3: Z and X have exited */
    pid_t parent;               /* 4: the pid of the parent */
    uint64_t flags;             /* 9: the kernel's PF_ bits */
    long threads;               /* 20 */
    uint64_t start;             /* 22 */
    uint32_t exit_code;         /* 52: reads 0 where we may not know it */
};

/* Takes the text of /proc/TID/stat apart; the name in it may hold anything. 0 or -1. */
int writer_stat_parse(struct writer_stat *out, const char *text, size_t len);

/* The "Tgid:" of the text of /proc/TID/status, 0 if there is none. */
pid_t writer_status_pid(const char *text);

/* Is it that of a thread without memory? One that ends gives it up before it closes its files
 * (do_exit in the kernel's kernel/exit.c); the kernel's own threads have none either. No, if the
 * text is cut. */
bool writer_status_exiting(const char *text);

/* What a thread was doing when it sent a FLUSH. */
enum writer_end {
    WRITER_GOES_ON, /* it closed a descriptor */
    WRITER_EXITS,   /* it ends by itself, with the descriptor open */
    WRITER_KILLED,  /* a signal ends it, or it caught one (ending.h) */
    WRITER_ENDS,    /* it ends, and we may not know why */
};

/* PF_EXITING with a signal in the exit code is a kill. PF_SIGNALED is not looked at: threads of a
 * program that calls exit() have it, too. */
enum writer_end writer_end_of(const struct writer_stat *stat, bool code_readable);

/* ---- from /proc ---- */

/* Which process is the thread of? 0, or -1 if that is not known (any more). */
int writer_identify(pid_t tid, struct writer_id *out);

/* Has the process exited? A zombie has. So has one that /proc does not show any more. */
bool writer_is_gone(const struct writer_id *id);

/* For how many ms has the process existed? INT64_MAX if that is not known. */
int64_t writer_age_ms(const struct writer_id *id);

/* Is the thread's process a child, grandchild, … of `ancestor` now? False, too, if a parent
 * between them has exited: nothing leads past it. */
bool writer_descends(pid_t tid, const struct writer_id *ancestor);

/* The thread's process, its parent, and so on, as far as they are known and not further than
 * WRITER_PARENTS_MAX. How many there are; 0 if nothing is known. */
size_t writer_line(pid_t tid, struct writer_id out[static WRITER_PARENTS_MAX]);

/* Are the two threads of one process? */
bool writer_same_process(pid_t tid, pid_t other);

/* How a thread that is sending a FLUSH ends; WRITER_GOES_ON if nothing is known. Asks the witness
 * if there is one (witness.h), and then may block for WITNESS_WAIT_MS. */
enum writer_end writer_at_flush(pid_t tid);
/* The same, never asking anybody. */
enum writer_end writer_look(pid_t tid);

/* The command's name and process id, for people. False if it is unknown. */
bool writer_describe(pid_t tid, char name[static WRITER_NAME_MAX], pid_t *pid);

#endif
