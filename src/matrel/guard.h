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
	int			n;				/* of a values relation: its place among them, from 1; else 0 */
	char	   *def;			/* of a matrel: name of the definition, in schema weir, */
	char	   *options;		/* options of the view, JSON, */
	char	   *query;			/* and the definition's query */
} Guard;

/* Create it. */
extern void weir_guard_create(Oid relid);

/*
 * Have the triggers of a view's relations say what they are, and what options and
 * query the view has by now.  For dumps that have nothing else of that.
 */
extern void weir_guard_describe(const ContView *view);

/*
 * The same of all views, after names have changed.  Those whose query reads what
 * another transaction has locked keep what they say: its own names are not what has changed.
 */
extern void weir_guard_describe_all(void);

/* What the triggers of all relations of this database say (Guard *). */
extern List *weir_guards(void);

/* Its trigger names a definition of another name from now on. */
extern void weir_guard_set_definition(const Guard *guard, const char *def);

/* Def view of the view whose matrel and values relations statements of Weir's own are about to change; or InvalidOid. */
extern Oid	weir_matrel_writable;

#endif
