// SQLite, and functions for those of its calls that are variadic or macros, which Swift doesn't import.
#include <sqlite3.h>

// A connection that closes leaves the write-ahead log for a later one: writing it back costs a wait for the disk.
static inline int bowline_sqlite3_keep_log(sqlite3 *database) {
    return sqlite3_db_config(database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)0);
}
// Lets SQLite copy a text, which may be gone when the statement runs.
static inline int bowline_sqlite3_bind_text(sqlite3_stmt *statement, int index, const char *text, int length) {
    return sqlite3_bind_text(statement, index, text, length, SQLITE_TRANSIENT);
}
