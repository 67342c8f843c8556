/* How the session reads and writes /dev/fuse: plainly, but for one bit in its first reply.
 *
 * With extended attributes the kernel asks for "security.capability" before *every* write, to know
 * whether the write must take a capability away: twice the requests. A file system that says
 * FUSE_HANDLE_KILLPRIV_V2 promises to do that itself, and is asked once for each inode. We can
 * promise: there are no set-user-id files and no capabilities here (op_attr.c, op_xattr.c).
 * libfuse 3.14 does not know the flag, so it is put into the reply to FUSE_INIT on its way out. */
#ifndef FS_FACE_SESSION_IO_H
#define FS_FACE_SESSION_IO_H

struct fuse_session;

/* After fuse_session_mount, before the loop. 0, or a negative errno. */
int session_io_install(struct fuse_session *session);

/* From the init operation: the next reply of this thread is the one to FUSE_INIT. */
void session_io_init_replies(void);

#endif
