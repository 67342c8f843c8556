#include "fs/terminal.h"

#include <fcntl.h>
#include <unistd.h>
#include "fs/log.h"

static void replace_up_to(int last)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (null < 0)
        return;
    for (int fd = 0; fd <= last; fd++)
        dup2(null, fd);
    if (null > STDERR_FILENO)
        close(null);
}

void terminal_leave(void)
{
    log_leave_stderr();
    replace_up_to(STDERR_FILENO);
}

void terminal_leave_but_log(void)
{
    replace_up_to(STDOUT_FILENO);
}
