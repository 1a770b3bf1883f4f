/*
 * guard.h
 *	  The trigger that keeps users from writing a matrel or values relation.
 */
#ifndef WEIR_GUARD_H
#define WEIR_GUARD_H

#include "postgres.h"

/* Create it. */
extern void weir_guard_create(Oid relid);

/* Def view of the view whose matrel and values relations statements of Weir's own are about to change; or InvalidOid. */
extern Oid	weir_matrel_writable;

#endif
