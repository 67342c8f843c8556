# shellcheck shell=bash
# Everything that a scenario may use. Usage, first line: . "$TOP/tests/lib/all.sh"
. "$TOP/tests/lib/base.sh"
. "$TOP/tests/lib/servers.sh"
. "$TOP/tests/lib/stock.sh"
. "$TOP/tests/lib/mounts.sh"
