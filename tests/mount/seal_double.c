/* The sealing rule that never seals: for face_main. */
#include "fs/seal/seal.h"

void seal_created(struct seal *s, uint64_t entry, uint64_t ino, bool directory, pid_t pid)
{
    (void)s, (void)entry, (void)ino, (void)directory, (void)pid;
}

void seal_opened(struct seal *s, uint64_t entry, uint64_t ino, uint64_t handle, bool writable,
                 pid_t pid)
{
    (void)s, (void)entry, (void)ino, (void)handle, (void)writable, (void)pid;
}

void seal_changed(struct seal *s, uint64_t entry, uint64_t handle, pid_t pid)
{
    (void)s, (void)entry, (void)handle, (void)pid;
}

bool seal_flushed(struct seal *s, uint64_t entry, uint64_t handle, pid_t pid)
{
    (void)s, (void)entry, (void)handle, (void)pid;
    return true;
}

void seal_failed(struct seal *s, uint64_t entry, uint64_t handle, pid_t pid, enum seal_accident why)
{
    (void)s, (void)entry, (void)handle, (void)pid, (void)why;
}

void seal_released(struct seal *s, uint64_t entry, uint64_t handle)
{
    (void)s, (void)entry, (void)handle;
}

void seal_renamed(struct seal *s, uint64_t entry, const char *name, size_t name_len)
{
    (void)s, (void)entry, (void)name, (void)name_len;
}

void seal_removed(struct seal *s, uint64_t entry)
{
    (void)s, (void)entry;
}

void seal_moved(struct seal *s, uint64_t from, uint64_t ino, bool directory)
{
    (void)s, (void)from, (void)ino, (void)directory;
}

bool seal_maker(struct seal *s, uint64_t entry, char command[static 64], pid_t *pid)
{
    (void)s, (void)entry, (void)pid;
    command[0] = '\0';
    return false;
}

bool seal_writer(struct seal *s, uint64_t entry, char command[static 64], pid_t *pid)
{
    (void)s, (void)entry, (void)pid;
    command[0] = '\0';
    return false;
}
