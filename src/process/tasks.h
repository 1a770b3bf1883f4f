/*
 * tasks.h
 *	  Which workers there shall be; in the launcher.
 */
#ifndef WEIR_PROCESS_TASKS_H
#define WEIR_PROCESS_TASKS_H

#include "postgres.h"

#include "nodes/pg_list.h"

/*
 * Look which databases there are.  The result lives in the current context, until which is reset weir_tasks_wanted may be
 * called.  Outside of a transaction.
 */
extern void weir_tasks_look(void);

/* A worker found that a database has not the extension: no other is started to look. */
extern void weir_tasks_note_absent(Oid dboid);

/* The tasks (WorkerTask), those first that a database cannot do without; forgets databases that are gone. */
extern List *weir_tasks_wanted(void);

#endif
