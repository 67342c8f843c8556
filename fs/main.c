/* mount.wormholefs: see options.h for the command line, supervisor.h for what happens then. */
#include <stdio.h>
#include "fs/log.h"
#include "fs/options.h"
#include "fs/supervisor.h"
#include "store/heap.h"

int main(int argc, char **argv)
{
    static struct options options;
    char why[OPTIONS_WHY_MAX];

    heap_prepare();
    if (options_parse(&options, argc, argv, why) < 0) {
        log_error("%s", why);
        return SUPERVISOR_USAGE;
    }
    switch (options.task) {
    case OPTIONS_HELP:
        fputs(options_usage(), stdout);
        return SUPERVISOR_OK;
    case OPTIONS_VERSION:
        puts("mount.wormholefs " WORMHOLEFS_VERSION);
        return SUPERVISOR_OK;
    case OPTIONS_MOUNT:
    case OPTIONS_CHECK:
        break;
    }
    return (int)supervisor_run(&options);
}
