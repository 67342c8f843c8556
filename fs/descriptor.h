/* Open files that go from one process to another, over a Unix socket. */
#ifndef FS_DESCRIPTOR_H
#define FS_DESCRIPTOR_H

/* Sends a copy of `fd`. 0, or -1 and errno. */
int descriptor_send(int sock, int fd);

/* Waits for one. It (close-on-exec), or -1: the other end is closed, or sent something else. */
int descriptor_receive(int sock);

#endif
