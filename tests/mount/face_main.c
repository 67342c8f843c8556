/* Mounts the face over a real store with engine_double.h behind it, to try the face alone:
 *     face_main NAME DIR -F -o store=STORE[,…]
 * as the tests call mount.wormholefs; other options are ignored. It runs until it is unmounted.
 * FACE_CODE_MS is how long a code takes (default: no server); lines written to the FIFO
 * STORE.commands are carried out. */
#define FUSE_USE_VERSION 312
#include <fuse3/fuse_lowlevel.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "fs/face/face.h"
#include "tests/mount/engine_double.h"

struct commands {
    struct engine *engine;
    char path[4096];
    int stop[2];
    pthread_t thread;
};

static void *obey(void *arg)
{
    struct commands *c = arg;
    char text[4096];
    size_t len = 0;
    int fd = open(c->path, O_RDWR | O_CLOEXEC);
    struct pollfd fds[2] = {{.fd = fd, .events = POLLIN}, {.fd = c->stop[0], .events = POLLIN}};
    while (poll(fds, 2, -1) > 0 && !fds[1].revents) {
        ssize_t count = read(fd, text + len, sizeof text - 1 - len);
        if (count <= 0)
            break;
        len += (size_t)count;
        char *end;
        while ((end = memchr(text, '\n', len))) {
            *end = '\0';
            int rc = engine_double_command(c->engine, text);
            fprintf(stderr, "%s: %s\n", text, store_strerror(rc));
            len -= (size_t)(end + 1 - text);
            memmove(text, end + 1, len);
        }
    }
    close(fd);
    return NULL;
}

static int start_commands(struct commands *c, const char *store)
{
    if ((size_t)snprintf(c->path, sizeof c->path, "%s.commands", store) >= sizeof c->path)
        return -1;
    if (pipe(c->stop) < 0 || (mkfifo(c->path, 0600) < 0 && errno != EEXIST))
        return -1;
    return pthread_create(&c->thread, NULL, obey, c);
}

static void stop_commands(struct commands *c)
{
    if (write(c->stop[1], "", 1) == 1)
        pthread_join(c->thread, NULL);
    close(c->stop[0]);
    close(c->stop[1]);
}

/* The value of key= in the option string, into out. */
static bool option(const char *options, const char *key, char *out, size_t cap)
{
    const char *at = strstr(options, key);
    if (!at)
        return false;
    at += strlen(key);
    snprintf(out, cap, "%.*s", (int)strcspn(at, ","), at);
    return true;
}

static int serve(struct store *store, const char *name, const char *dir, const char *store_dir,
                 bool read_only)
{
    struct face_options options = {.uid = getuid(), .gid = getgid(), .read_only = read_only};
    struct commands commands = {0};
    struct engine_watch watch;
    struct face *face;
    const char *delay = getenv("FACE_CODE_MS");
    char mount_options[256];
    snprintf(mount_options, sizeof mount_options,
             "default_permissions,nosuid,nodev,subtype=wormholefs,fsname=%s%s", name,
             read_only ? ",ro" : "");
    char *argv[] = {strdup("face_main"), strdup("-o"), strdup(mount_options), NULL};
    struct fuse_args args = FUSE_ARGS_INIT(3, argv);
    int rc = face_open(&face, store, &options);
    face_watch(face, &watch);
    if (rc == 0)
        rc = engine_double_open(&commands.engine, store, delay ? atoi(delay) : -1, &watch);
    if (rc == 0)
        rc = start_commands(&commands, store_dir);
    struct fuse_session *session =
        rc == 0 ? fuse_session_new(&args, face_ops(), sizeof(struct fuse_lowlevel_ops), face)
                : NULL;
    if (!session || fuse_set_signal_handlers(session) != 0)
        return 1;
    if (fuse_session_mount(session, dir) != 0)
        return 1;
    rc = face_start(face, commands.engine, NULL, session);
    if (rc == 0) {
        struct fuse_loop_config *config = fuse_loop_cfg_create();
        rc = fuse_session_loop_mt(session, config);
        fuse_loop_cfg_destroy(config);
    }
    fuse_session_unmount(session);
    face_stop(face);
    fuse_remove_signal_handlers(session);
    fuse_session_destroy(session);
    stop_commands(&commands);
    engine_double_close(commands.engine);
    face_close(face);
    for (int i = 0; argv[i]; i++)
        free(argv[i]);
    fuse_opt_free_args(&args);
    return rc < 0;
}

int main(int argc, char **argv)
{
    char store_dir[4096] = "", why[STORE_WHY_MAX];
    struct store *store;
    bool read_only = false;
    for (int i = 3; i + 1 < argc; i++)
        if (strcmp(argv[i], "-o") == 0) {
            option(argv[i + 1], "store=", store_dir, sizeof store_dir);
            read_only = strstr(argv[i + 1], ",ro") != NULL;
        }
    if (argc < 3 || !store_dir[0]) {
        fprintf(stderr, "usage: face_main NAME DIR -F -o store=STORE\n");
        return 2;
    }
    if (store_open(&store, store_dir, io_real(), why) < 0) {
        fprintf(stderr, "face_main: %s\n", why);
        return 1;
    }
    mkdir(argv[2], 0700);
    int rc = serve(store, argv[1], argv[2], store_dir, read_only);
    store_close(store);
    return rc;
}
