/*
 * owner.h
 *	  Running code of users as its owner, so that it leaves no trace.
 */
#ifndef WEIR_BASE_OWNER_H
#define WEIR_BASE_OWNER_H

#include "postgres.h"

#include "nodes/pg_list.h"

/* What weir_owner_leave restores. */
typedef struct OwnerSwitch
{
	Oid			userid;
	int			context;
	int			guc_level;
	Oid			whose;
} OwnerSwitch;

/*
 * Act as a role in a security-restricted operation, with settings that last
 * until weir_owner_leave, and with this search_path (NULL: that of the
 * process).  whose: the def view or stream that the code belongs to, which
 * errors are put down to (base/errors.h).  Every place where code of users may
 * run in a worker is inside such a pair: see ARCHITECTURE.md, "Code of
 * users".  An abort of the (sub)transaction leaves as well.
 */
extern void weir_owner_enter(OwnerSwitch *saved, Oid owner, const char *path, Oid whose);
extern void weir_owner_leave(const OwnerSwitch *saved);

/*
 * Is code of a user running in this process?  Still true in a PG_CATCH, until
 * the (sub)transaction is aborted.
 */
extern bool weir_owner_inside(void);

/*
 * The session's search_path without the schemas in which somebody may create
 * objects whom the role does not trust, as a value of search_path; palloc'd.
 * A role trusts itself, roles whose rights it has, superusers, and unless it
 * is one the owner of the database.  left_out, unless NULL, is set to the
 * names (char *) of those schemas.
 */
extern char *weir_owner_path(Oid owner, List **left_out);

/*
 * Likewise, of the search_path with which sessions of this database begin;
 * "$user" stands for the role.  For code that belongs to no view, like the
 * defaults of a stream that is read from Kafka.
 */
extern char *weir_owner_default_path(Oid owner);

/*
 * Remember the search_path for weir_owner_default_path.  Called once in a
 * worker, before it sets a search_path of its own.
 */
extern void weir_owner_note_path(void);

#endif
