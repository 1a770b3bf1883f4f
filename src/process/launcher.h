/*
 * launcher.h
 *	  The launcher: keeps every database with the extension in workers.
 */
#ifndef WEIR_PROCESS_LAUNCHER_H
#define WEIR_PROCESS_LAUNCHER_H

#include "postgres.h"

/* Register the launcher with the postmaster; from _PG_init. */
extern void weir_launcher_register(void);

/*
 * Make the workers of a database leave and keep away until released (or until
 * this process ends): for DROP DATABASE and the like.  Waits for them.
 */
extern void weir_launcher_hold_database(Oid dboid);
extern void weir_launcher_release_database(Oid dboid);

/* When the current transaction commits: the extension is in this database now. */
extern void weir_launcher_created_at_commit(void);

/* When the current transaction commits: views or streams changed, workers look again. */
extern void weir_launcher_changed_at_commit(void);

#endif
