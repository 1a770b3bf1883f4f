/*
 * cont_query.c
 *	  Looking things up in a split query.
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "optimizer/optimizer.h"
#include "optimizer/tlist.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "query/cont_query.h"

/* More keys than this are found by their hash. */
#define MAX_PLAIN_KEYS 8

const WindowKind weir_no_window = {0};

int
weir_cont_query_find_key(const ContQuery *cq, Node *expr)
{
	TargetEntry *tle = tlist_member((Expr *) expr, cq->query->targetList);

	return tle && tle->resno <= cq->nkeys ? tle->resno - 1 : -1;
}

int
weir_cont_query_find_state(const ContQuery *cq, Aggref *aggref)
{
	for (int i = 0; i < cq->nstates; i++)
		if (equal(cq->states[i].written ? cq->states[i].written : cq->states[i].aggref, aggref))
			return i;
	return -1;
}

bool
weir_cont_query_keys_fit_btree(const ContQuery *cq)
{
	if (cq->append || cq->nkeys > MAX_PLAIN_KEYS)
		return false;
	for (int i = 0; i < cq->nkeys; i++)
	{
		TypeCacheEntry *type = lookup_type_cache(getBaseType(cq->keys[i].type), TYPECACHE_BTREE_OPFAMILY);

		if (type->typlen <= 0 || !OidIsValid(type->btree_opf) ||
			get_op_opfamily_strategy(cq->keys[i].eqop, type->btree_opf) != BTEqualStrategyNumber)
			return false;
	}
	return true;
}

bool
weir_cont_query_key_is_hidden(const ContQuery *cq, int key)
{
	return key == cq->cell_key && cq->cell_hidden;
}

bool
weir_cont_query_uses_window(const ContQuery *cq, Node *expr)
{
	return cq->panes && bms_is_member(cq->panes->rti, pull_varnos(NULL, expr));
}

bool
weir_cont_query_has_cells(const ContQuery *cq)
{
	return cq->kind->cells && !cq->append;
}

bool
weir_cont_query_has_column(const ContQuery *cq, int nstates, const char *name)
{
	for (int i = 0; i < cq->nkeys; i++)
		if (strcmp(cq->keys[i].colname, name) == 0)
			return true;
	for (int i = 0; i < nstates; i++)
	{
		const ContState *state = &cq->states[i];

		if (strcmp(state->colname, name) == 0 ||
			(state->value_name && strcmp(state->value_name, name) == 0) ||
			(state->block_name && strcmp(state->block_name, name) == 0))
			return true;
	}
	return cq->block_name && strcmp(cq->block_name, name) == 0;
}
