/*
 * renew.h
 *	  The settings that workers run with are those of their database.
 */
#ifndef WEIR_PROCESS_RENEW_H
#define WEIR_PROCESS_RENEW_H

#include "postgres.h"

extern void weir_renew_init(void);

/* --- any session --- */

/*
 * Tell workers that settings of databases may have changed, when the current
 * transaction has committed, or at once.
 */
extern void weir_renew_at_commit(void);
extern void weir_renew_now(void);

/* --- a worker: before it connects to its database, and when it has --- */

extern void weir_renew_begin(void);
extern void weir_renew_connected(void);

/*
 * Have settings of some database changed since the last call (cheap)?  If so,
 * outside of a transaction: must this worker make room for one with the new
 * settings?
 */
extern bool weir_renew_looks_due(void);
extern bool weir_renew_is_due(void);

/*
 * Must this worker make room after the configuration files have been read
 * again?
 */
extern bool weir_renew_is_due_at_reload(void);

#endif
