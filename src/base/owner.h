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
