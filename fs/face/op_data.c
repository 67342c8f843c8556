/* Bytes: read, write, lseek, fallocate. */
#include "fs/face/ops.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include "fs/face/code_file.h"
#include "fs/face/control.h"
#include "fs/face/events.h"
#include "fs/face/failure.h"
#include "store/content.h"

/* A slice of what the handle has; the count. */
static size_t read_text(struct handle *h, char *buf, size_t size, uint64_t offset)
{
    size_t count = 0;
    pthread_mutex_lock(&h->lock);
    if (offset < h->text.len) {
        count = h->text.len - (size_t)offset;
        count = count < size ? count : size;
        memcpy(buf, h->text.data + offset, count);
    }
    pthread_mutex_unlock(&h->lock);
    return count;
}

/* A program that reads from the start again after something changed gets the present text. */
static int refresh(struct face *face, struct handle *h)
{
    struct blob text = {0};
    pthread_mutex_lock(&h->lock);
    bool stale = h->changed;
    h->changed = h->unread = false;
    pthread_mutex_unlock(&h->lock);
    int rc = stale ? control_render(face, &h->place, &text) : 0;
    if (rc == 0 && stale) {
        pthread_mutex_lock(&h->lock);
        blob_release(&h->text);
        h->text = text;
        pthread_mutex_unlock(&h->lock);
    }
    return rc;
}

static ssize_t read_control(struct face *face, struct handle *h, char *buf, size_t size,
                            uint64_t offset)
{
    int rc = offset == 0 ? refresh(face, h) : 0;
    return rc < 0 ? rc : (ssize_t)read_text(h, buf, size, offset);
}

static ssize_t read_events(struct face *face, struct handle *h, char *buf, size_t size,
                           uint64_t offset)
{
    ssize_t count = events_read(face->events, offset, buf, size);
    if (count > 0) {
        pthread_mutex_lock(&h->lock);
        if (offset + (uint64_t)count > h->read_to)
            h->read_to = offset + (uint64_t)count;
        pthread_mutex_unlock(&h->lock);
    }
    return count;
}

static ssize_t do_read(struct face *face, struct handle *h, char *buf, size_t size, uint64_t offset)
{
    switch (h->kind) {
    case HANDLE_FILE:
        return content_read(face->store, h->place.node, buf, size, offset);
    case HANDLE_TEXT:
        return read_control(face, h, buf, size, offset);
    case HANDLE_EVENTS:
        return read_events(face, h, buf, size, offset);
    case HANDLE_CODE:
        return (ssize_t)read_text(h, buf, size, offset);
    case HANDLE_DIR:
        break;
    }
    return FACE_ERR_BAD_HANDLE;
}

/* True if the request was parked: then it is not ours to answer any more. */
static bool fetch_code(fuse_req_t req, struct handle *h, size_t size, bool nonblock, int *rc)
{
    uint64_t wormhole;
    *rc = code_file_read(face_of(req), h, pid_of(req), &wormhole);
    if (*rc != FACE_ERR_AGAIN || nonblock)
        return false;
    *rc = code_file_park(face_of(req)->codes, req, h, wormhole, size);
    return *rc == 0;
}

void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi)
{
    struct handle *h = handle_of(fi);
    int rc = 0;
    (void)ino;
    if (h->kind == HANDLE_CODE && offset == 0 &&
        fetch_code(req, h, size, fi->flags & O_NONBLOCK, &rc))
        return;
    bool secret = h->kind == HANDLE_CODE; /* after the reply the handle may be gone */
    size = size < FACE_IO_BYTES_MAX ? size : FACE_IO_BYTES_MAX;
    char *buf = rc < 0 ? NULL : malloc(size);
    ssize_t count = rc < 0 ? rc : STORE_ERR_NOMEM;
    if (buf)
        count = do_read(face_of(req), h, buf, size, (uint64_t)offset);
    if (count < 0)
        reply_result(req, (int)count);
    else
        fuse_reply_buf(req, buf, (size_t)count);
    if (secret && count > 0)
        sodium_memzero(buf, (size_t)count);
    free(buf);
}

/* As in turn_begin: a program that deletes a file to make room finds that room now. */
static bool room_was_made(struct face *face, int rc)
{
    return (rc == STORE_ERR_NOSPACE || rc == STORE_ERR_QUOTA) && store_make_room(face->store);
}

static int write_file(struct face *face, struct handle *h, pid_t pid, const char *data, size_t size,
                      uint64_t offset)
{
    int rc;
    do
        rc = content_write(face->store, h->place.node, data, size, offset);
    while (room_was_made(face, rc));
    uint64_t entry = rc < 0 ? 0 : file_entry(face, h);
    if (entry != 0)
        seal_changed(face->seal, entry, h->id, pid);
    failure_of_handle(face, h, pid, rc);
    return rc;
}

void op_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t offset,
              struct fuse_file_info *fi)
{
    struct handle *h = handle_of(fi);
    int rc = FACE_ERR_BAD_HANDLE;
    (void)ino;
    if (h->kind == HANDLE_FILE)
        rc = write_file(face_of(req), h, pid_of(req), data, size, (uint64_t)offset);
    else if (h->kind == HANDLE_CODE) {
        rc = code_file_write(face_of(req), h, data, size);
        /* It lies in the request's buffer, which libfuse keeps for the next one. */
        sodium_memzero((void *)(uintptr_t)data, size);
    }
    if (rc < 0)
        reply_result(req, rc);
    else
        fuse_reply_write(req, size);
}

void op_lseek(fuse_req_t req, fuse_ino_t ino, off_t offset, int whence, struct fuse_file_info *fi)
{
    struct handle *h = handle_of(fi);
    (void)ino;
    int64_t to = h->kind == HANDLE_FILE
                     ? content_seek(face_of(req)->store, h->place.node, (uint64_t)offset, whence)
                     : STORE_ERR_INVALID;
    if (to == STORE_ERR_NO_DATA)
        fuse_reply_err(req, ENXIO);
    else if (to < 0)
        reply_result(req, (int)to);
    else
        fuse_reply_lseek(req, to);
}

static int allocate(struct face *face, struct handle *h, int mode, uint64_t offset, uint64_t length)
{
    if (h->kind != HANDLE_FILE)
        return FACE_ERR_UNSUPPORTED;
    if (mode == (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE))
        return content_punch(face->store, h->place.node, offset, length);
    if (mode != 0 && mode != FALLOC_FL_KEEP_SIZE)
        return FACE_ERR_UNSUPPORTED;
    int rc;
    do
        rc = content_allocate(face->store, h->place.node, offset, length, mode != 0);
    while (room_was_made(face, rc));
    return rc;
}

void op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t offset, off_t length,
                  struct fuse_file_info *fi)
{
    struct face *face = face_of(req);
    struct handle *h = handle_of(fi);
    (void)ino;
    int rc = offset < 0 || length <= 0
                 ? STORE_ERR_INVALID
                 : allocate(face, h, mode, (uint64_t)offset, (uint64_t)length);
    uint64_t entry = rc == 0 ? file_entry(face, h) : 0;
    if (entry != 0)
        seal_changed(face->seal, entry, h->id, pid_of(req));
    failure_of_handle(face, h, pid_of(req), rc);
    reply_result(req, rc);
}
