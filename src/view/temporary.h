/*
 * temporary.h
 *	  Temporary objects in continuous views.
 */
#ifndef WEIR_VIEW_TEMPORARY_H
#define WEIR_VIEW_TEMPORARY_H

#include "postgres.h"

#include "nodes/nodes.h"

/*
 * Refuse a def view that depends on a temporary object: a relation, sequence,
 * type, function or operator.  raw is the query's parse tree and source_text
 * what its positions are of.
 */
extern void weir_view_refuse_temporary(Oid defid, Node *raw, const char *source_text);

#endif
