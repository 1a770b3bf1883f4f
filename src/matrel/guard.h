/*
 * guard.h
 *	  The trigger that keeps users from writing a matrel or values relation.
 */
#ifndef WEIR_MATREL_GUARD_H
#define WEIR_MATREL_GUARD_H

#include "postgres.h"

#include "meta/cont_view.h"

/* What the trigger of a matrel or values relation says of it. */
typedef struct Guard
{
	Oid			relid;
	char	   *view;			/* name of the view, in the same schema */

	/* of a values relation: its place among them, from 1; else 0 */
	int			n;

	/* of a matrel: name of the definition, in schema weir, */
	char	   *def;
	char	   *options;		/* options of the view, JSON, */
	char	   *query;			/* and the definition's query */
} Guard;

/* Create the trigger on a matrel or values relation. */
extern void weir_guard_create(Oid relid);

/*
 * Set the arguments of the triggers of a view's relations to what the view is
 * now: its name, options and query.  Dumps without the extension's tables
 * restore a view from these.
 */
extern void weir_guard_describe(const ContView *view);

/*
 * Do so for all views, after names have changed.  A view whose query reads a
 * relation that another transaction has locked is left out: its names have not
 * changed.
 */
extern void weir_guard_describe_all(void);

/* The arguments of all such triggers in this database (list of Guard *). */
extern List *weir_guards(void);

/* Change the name of the definition in a matrel's trigger. */
extern void weir_guard_set_definition(const Guard *guard, const char *def);

/*
 * Def view of the view whose matrel and values relations statements of Weir's
 * own are about to change; or InvalidOid.
 */
extern Oid	weir_matrel_writable;

#endif
