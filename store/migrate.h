/* The schema and its versions. PRAGMA application_id says that a journal is ours, PRAGMA
 * user_version which schema-vN.sql it has; the files are embedded when the program is built. */
#ifndef STORE_MIGRATE_H
#define STORE_MIGRATE_H

#include <sqlite3.h>

enum {
    MIGRATE_APPLICATION_ID = 0x776f7268, /* "worh" */
    MIGRATE_VERSION = 5,                 /* of the newest schema that this program knows */
};

/* One step: SQL that makes version `to` out of version to-1 (0 = an empty file). */
struct migrate_step {
    int to;
    const char *sql;
};

/* Brings `db` to the version of the last of `steps` (ascending, `count` of them), each step in one
 * transaction with its user_version, so that a crash between two leaves a valid older schema.
 * 0 (also when there is nothing to do), FOREIGN (not empty, and another or no application id, or no
 * SQLite file), NEWER, or an error of the step, which is undone. */
int migrate_run(sqlite3 *db, const struct migrate_step *steps, int count);

/* The product's steps. */
const struct migrate_step *migrate_steps(int *count);

#endif
