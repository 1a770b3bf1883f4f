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
 * Make the workers of a database leave and keep them away until released (or
 * until this process ends): for DROP DATABASE and the like. Waits until they
 * have left.
 */
extern void weir_launcher_hold_database(Oid dboid);
extern void weir_launcher_release_database(Oid dboid);

/*
 * Note that the extension is in this database once the current transaction
 * commits.
 */
extern void weir_launcher_created_at_commit(void);

/*
 * Wake the workers when the current transaction commits, because views or
 * streams changed.
 */
extern void weir_launcher_changed_at_commit(void);

#endif
