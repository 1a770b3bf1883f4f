/*
 * spec.c
 *	  What it takes to work on the groups of a view: its row, keys and states.
 */
#include "postgres.h"

#include "access/tupdesc_details.h"

#include "runtime/spec.h"

static TupleDesc matrel_desc(const ContQuery *query);
static void set_missing_states(GroupSpec *spec);

void
weir_spec_init(GroupSpec *spec, const ContQuery *query, MemoryContext cxt)
{
	Oid		   *eqops = palloc(sizeof(Oid) * Max(query->nkeys, 1));
	Oid		   *collations = palloc(sizeof(Oid) * Max(query->nkeys, 1));
	Oid		   *types = palloc(sizeof(Oid) * Max(query->nkeys, 1));

	memset(spec, 0, sizeof(GroupSpec));
	spec->append = query->append;
	spec->desc = matrel_desc(query);
	for (int i = 0; i < query->nkeys; i++)
	{
		eqops[i] = query->keys[i].eqop;
		collations[i] = query->keys[i].collation;
		types[i] = query->keys[i].type;
	}
	if (!query->append)
		weir_keys_init(&spec->keys, cxt, query->nkeys, types, eqops, collations);
	if (query->plain_keys)
		weir_keys_init_order(&spec->keys, cxt, types);
	spec->nstates = query->nstates;
	spec->states = palloc(sizeof(PartialAgg *) * Max(query->nstates, 1));
	for (int i = 0; i < query->nstates; i++)
		spec->states[i] = weir_partial_agg_from_aggref(cxt, query->states[i].aggref);
	set_missing_states(spec);
	spec->old_slot = MakeSingleTupleTableSlot(spec->desc, &TTSOpsMinimalTuple);
	spec->new_slot = MakeSingleTupleTableSlot(spec->desc, &TTSOpsMinimalTuple);
}

static TupleDesc
matrel_desc(const ContQuery *query)
{
	TupleDesc	desc = CreateTemplateTupleDesc(query->nkeys + query->nstates);

	for (int i = 0; i < query->nkeys; i++)
	{
		const ContKey *key = &query->keys[i];

		TupleDescInitEntry(desc, i + 1, key->colname, key->type, key->typmod, 0);
		TupleDescInitEntryCollation(desc, i + 1, key->collation);
	}
	for (int i = 0; i < query->nstates; i++)
	{
		const ContState *state = &query->states[i];

		TupleDescInitEntry(desc, query->nkeys + i + 1, state->colname, state->statetype, -1, 0);
	}
	return desc;
}

/*
 * Rows made before the view got its last columns are shorter.  What they lack
 * is read as the state of no rows.
 */
static void
set_missing_states(GroupSpec *spec)
{
	TupleDesc	desc = spec->desc;
	TupleConstr *constr = palloc0(sizeof(TupleConstr));

	constr->missing = palloc0(sizeof(AttrMissing) * Max(desc->natts, 1));
	for (int i = 0; i < spec->nstates; i++)
	{
		AttrMissing *missing = &constr->missing[desc->natts - spec->nstates + i];

		missing->am_present = !spec->states[i]->initisnull;
		missing->am_value = spec->states[i]->initvalue;
	}
	desc->constr = constr;
}
