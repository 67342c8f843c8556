#include "fs/terminal.h"

#include <fcntl.h>
#include <unistd.h>
#include "fs/log.h"

void terminal_leave(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    log_leave_stderr();
    if (null < 0)
        return;
    for (int fd = 0; fd <= 2; fd++)
        dup2(null, fd);
    if (null > 2)
        close(null);
}
