/* Programs that are killed while they wait for an answer.
 *
 * A fatal signal that arrives while a thread waits for our answer makes the kernel send an
 * interruption, and the thread goes on waiting: its signals can be looked at. Kernels before 6.15
 * tell in no other way how a program ended that had no file open (seal/doomed.h). Whoever is
 * killed before the request is read, or when the answer is on its way, is missed. */
#ifndef FS_FACE_KILLED_H
#define FS_FACE_KILLED_H

struct fuse_lowlevel_ops;

/* Puts a watch before each operation that a program may do while it makes a tree, but for those on
 * an open file: its FLUSH tells. */
void killed_watch(struct fuse_lowlevel_ops *ops);

#endif
