/*
 * owner.h
 *	  Running code of users as its owner, so that it leaves no trace.
 */
#ifndef WEIR_BASE_OWNER_H
#define WEIR_BASE_OWNER_H

#include "postgres.h"

#include "nodes/pg_list.h"

/* What is put back when the code of a user has run. */
typedef struct OwnerSwitch
{
	Oid			userid;
	int			context;
	int			guc_level;
	Oid			whose;
} OwnerSwitch;

/*
 * Act as a role in a security-restricted operation, with settings that last until weir_owner_leave,
 * and with this search_path (NULL: that of the process).  whose: the def view or stream that the code belongs to, which
 * errors are put down to (base/errors.h).  Every place where code of users may run in a
 * worker is inside such a pair: see ARCHITECTURE.md, "Code of users".  An abort of the
 * (sub)transaction leaves as well.
 */
extern void weir_owner_enter(OwnerSwitch *saved, Oid owner, const char *path, Oid whose);
extern void weir_owner_leave(const OwnerSwitch *saved);

/*
 * In a worker, once: such code is interrupted when it has run for weir.query_timeout without leaving or
 * weir_owner_progress, which gives it the same time again.  The error is one of cancellation;
 * weir_owner_timed_out tells it from others until code is entered again.  Code that catches it is
 * interrupted twice again, and then the process ends; weir_owner_is_unstoppable tells its exit callbacks.
 */
extern void weir_owner_limit_time(void);
extern void weir_owner_progress(void);
extern void weir_owner_unlimited(void);	/* until it leaves: what runs is Weir's own */

/*
 * Around one call of a function, or an expression, of users, where everybody waits for it: it is interrupted in the same way when it,
 * or the slow ones of these calls since weir_owner_enter together, have run for weir.call_timeout.  No effect outside of workers, and of weir_owner_enter.  After an error the end is not called.
 */
extern void weir_owner_begin_call(void);
extern void weir_owner_end_call(void);

/* Which limit has been exceeded, in words; palloc'd.  After weir_owner_timed_out. */
extern char *weir_owner_exceeded(void);

/*
 * In a hurry code has so many ms only (0: no hurry).  What is interrupted then has done nothing wrong: it is to
 * be tried again without a hurry.
 */
extern void weir_owner_hurry(int ms);
extern bool weir_owner_hurried(void);
extern bool weir_owner_timed_out(void);
extern bool weir_owner_is_unstoppable(void);

/* Does the code of a user run, in this process? Also in a PG_CATCH, before the transaction is aborted. */
extern bool weir_owner_inside(void);

/*
 * Of the schemas in the session's search_path those in which nobody may create objects whom the role
 * does not trust, as a setting of search_path; palloc'd.  Trusted are the role itself, roles that it has the rights
 * of, superusers, and for roles that are none the owner of the database.  Left out, unless NULL,
 * gets the names of the others (char *).
 */
extern char *weir_owner_path(Oid owner, List **left_out);

/*
 * The same of the search_path that sessions of this database begin with; "$user" is the role.  For code that no
 * view has, like the defaults of a stream that is read from Kafka.
 */
extern char *weir_owner_default_path(Oid owner);

/* Called once in a worker, before it sets a search_path of its own: what weir_owner_default_path takes. */
extern void weir_owner_note_path(void);

#endif
