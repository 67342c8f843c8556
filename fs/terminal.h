/* The terminal that the daemon was started from. */
#ifndef FS_TERMINAL_H
#define FS_TERMINAL_H

/* Nothing is read from it or written to it any more, the log included: descriptors 0 to 2 become
 * /dev/null. */
void terminal_leave(void);
/* The same, but that the log still goes there: descriptors 0 and 1. */
void terminal_leave_but_log(void);

#endif
