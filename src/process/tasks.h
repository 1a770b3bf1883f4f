/*
 * tasks.h
 *	  Which workers there shall be; in the launcher.
 */
#ifndef WEIR_PROCESS_TASKS_H
#define WEIR_PROCESS_TASKS_H

#include "postgres.h"

#include "nodes/pg_list.h"

/*
 * Look which databases there are. The result is allocated in the current
 * context; weir_tasks_wanted may be called until that is reset. Call outside
 * of a transaction.
 */
extern void weir_tasks_look(void);

/*
 * Note that a worker found no extension in a database: no other worker is
 * started to look.
 */
extern void weir_tasks_note_absent(Oid dboid);

/*
 * The wanted tasks (WorkerTask), those first that a database cannot do
 * without. Also frees the slots of databases that are gone.
 */
extern List *weir_tasks_wanted(void);

#endif
