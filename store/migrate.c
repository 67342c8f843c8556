#include "store/migrate.h"

#include <stdio.h>
#include "store/error.h"
#include "store/schema.h"

static const struct migrate_step all_steps[] = {
    {1, schema_v1}, {2, schema_v2}, {3, schema_v3}, {4, schema_v4}, {5, schema_v5},
};

const struct migrate_step *migrate_steps(int *count)
{
    *count = (int)(sizeof all_steps / sizeof all_steps[0]);
    return all_steps;
}

static int error_of(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_NOTADB:
        return STORE_ERR_FOREIGN;
    case SQLITE_NOMEM:
        return STORE_ERR_NOMEM;
    case SQLITE_FULL:
        return STORE_ERR_NOSPACE;
    case SQLITE_CORRUPT:
        return STORE_ERR_CORRUPT;
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
        return STORE_ERR_ACCESS;
    case SQLITE_BUSY:
        return STORE_ERR_LOCKED;
    default:
        return STORE_ERR_IO;
    }
}

static int number(sqlite3 *db, const char *query, int *out)
{
    sqlite3_stmt *q = NULL;
    int rc = sqlite3_prepare_v2(db, query, -1, &q, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(q);
    if (rc == SQLITE_ROW)
        *out = sqlite3_column_int(q, 0);
    sqlite3_finalize(q);
    return rc == SQLITE_ROW ? 0 : error_of(rc);
}

/* Which version is there: 0 for a file that nobody has written to. */
static int identify(sqlite3 *db, int *version)
{
    int tables = 0, application = 0;
    *version = 0;
    int rc = number(db, "SELECT count(*) FROM sqlite_master", &tables);
    if (rc == 0)
        rc = number(db, "PRAGMA application_id", &application);
    if (rc == 0)
        rc = number(db, "PRAGMA user_version", version);
    if (rc)
        return rc;
    if (application == MIGRATE_APPLICATION_ID && *version > 0)
        return 0;
    return tables == 0 && application == 0 && *version == 0 ? 0 : STORE_ERR_FOREIGN;
}

static int run_step(sqlite3 *db, const struct migrate_step *step)
{
    char pragma[64];
    snprintf(pragma, sizeof pragma, "PRAGMA user_version=%d; COMMIT", step->to);
    int rc = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(db, step->sql, NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(db, pragma, NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        return 0;
    int err = error_of(rc);
    if (!sqlite3_get_autocommit(db))
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return err;
}

int migrate_run(sqlite3 *db, const struct migrate_step *steps, int count)
{
    int version;
    int rc = identify(db, &version);
    if (rc)
        return rc;
    if (version > steps[count - 1].to)
        return STORE_ERR_NEWER;
    for (int i = 0; i < count && rc == 0; i++)
        if (steps[i].to > version)
            rc = run_step(db, &steps[i]);
    return rc;
}
