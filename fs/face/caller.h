/* Which process makes a request? FUSE names a thread; /proc is asked at most once a second for each
 * of those that are active, as this is on the path of every creation and flush. Any thread. */
#ifndef FS_FACE_CALLER_H
#define FS_FACE_CALLER_H

#include "fs/seal/writer.h"

/* The process of thread `tid`; pid 0 if that is unknown. */
struct writer_id caller_of(pid_t tid);

#endif
