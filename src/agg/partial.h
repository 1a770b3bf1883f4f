/*
 * partial.h
 *	  Partial aggregate states outside the executor's Agg node.
 *
 * A state is what PostgreSQL's partial aggregation hands from a worker to its
 * leader: a value of the transition type, or for transition type "internal"
 * the bytea that the aggregate's serial function makes of it.  Here two
 * states of a group are combined and a state is turned into the aggregate's
 * result.  In a matrel the bytea is stored as weir.state:
 * weir_partial_agg_pack and weir_partial_agg_unpack go in between.
 */
#ifndef WEIR_AGG_PARTIAL_H
#define WEIR_AGG_PARTIAL_H

#include "postgres.h"

#include "fmgr.h"
#include "nodes/execnodes.h"
#include "nodes/primnodes.h"

/*
 * What is needed to combine and finalize states of one Aggref.  Everything is
 * allocated in the context given at creation.  Not shared between processes.
 */
typedef struct PartialAgg
{
	Oid			aggfnoid;
	int			nargs;
	Oid		   *argtypes;
	Oid			inputcollid;
	Oid			transtype;		/* the aggregate's resolved transition type */

	/* in the matrel: transtype, or weir.state for internal */
	Oid			statetype;
	Oid			resulttype;
	int16		resultlen;
	bool		resultbyval;
	int16		statelen;
	bool		statebyval;
	bool		internal;		/* transtype is internal */
	uint32		mark;			/* of its states in the matrel, if internal */
	bool		combine_strict;
	bool		combine_limited;	/* by weir.call_timeout */
	bool		final_limited;

	/* fn_oid invalid until weir_partial_agg_advance needs it */
	FmgrInfo	transfn;
	FmgrInfo	combinefn;
	FmgrInfo	serialfn;		/* fn_oid invalid unless internal */
	FmgrInfo	deserialfn;
	FmgrInfo	finalfn;		/* fn_oid invalid: the state is the result */
	int			finalnargs;		/* arguments of finalfn, first is the state */
	Datum		initvalue;		/* state over no rows, unless initisnull */
	bool		initisnull;
	AggState   *aggstate;		/* context node handed to these functions */

	/* what AggCheckCallContext gives them; reset by partial_agg_reset */
	MemoryContext aggcontext;
} PartialAgg;

/*
 * Look up everything for an Aggref-like aggregate: its function, the actual
 * argument types (after resolving polymorphism), result type and input
 * collation.  Errors (ERRCODE_FEATURE_NOT_SUPPORTED) when the aggregate has no
 * combine function, or an internal state without serial functions.
 */
extern PartialAgg *weir_partial_agg_create(MemoryContext cxt, Oid aggfnoid,
										   int nargs, const Oid *argtypes,
										   Oid resulttype, Oid inputcollid);
extern PartialAgg *weir_partial_agg_from_aggref(MemoryContext cxt, Aggref *aggref);

/* A state as it is in the matrel, and back; neither is NULL. */
extern Datum weir_partial_agg_pack(PartialAgg *agg, Datum state);
extern Datum weir_partial_agg_unpack(PartialAgg *agg, Datum stored);

/*
 * Combine two states.  NULL states follow the executor's rules for a
 * strict or non-strict combine function.  The inputs are not modified.  The
 * result may point into either input or be allocated in CurrentMemoryContext;
 * it is flat (no expanded objects, no external TOAST pointers), ready to be
 * put into a tuple.
 */
extern Datum weir_partial_agg_combine(PartialAgg *agg, Datum a, bool a_null,
									  Datum b, bool b_null, bool *result_null);

/* The aggregate's result of a state, in CurrentMemoryContext. */
extern Datum weir_partial_agg_finalize(PartialAgg *agg, Datum state, bool state_null,
									   bool *result_null);

/*
 * The pieces of the above, for callers that keep a transition state between
 * calls: context is the Agg-like node handed to the functions.
 * combine_trans follows the executor's rules but for the copy into the state's
 * memory, which is the caller's.
 */
extern Datum weir_partial_agg_serialize(PartialAgg *agg, fmNodePtr context, Datum trans);
extern Datum weir_partial_agg_deserialize(PartialAgg *agg, fmNodePtr context, Datum state);
extern Datum weir_partial_agg_combine_trans(PartialAgg *agg, fmNodePtr context,
											Datum a, bool a_null,
											Datum b, bool b_null, bool *result_null);
extern Datum weir_partial_agg_finalize_trans(PartialAgg *agg, fmNodePtr context,
											 Datum trans, bool trans_null, bool *result_null);

/*
 * Take one more value into a transition state, of an aggregate with one
 * argument.  NULLs follow the executor's rules.  The state is of
 * weir_partial_agg_start or of an earlier call; it is in aggcontext, and so is
 * the result.
 */
extern Datum weir_partial_agg_start(PartialAgg *agg, bool *result_null);
extern Datum weir_partial_agg_advance(PartialAgg *agg, Datum trans, bool trans_null,
									  Datum value, bool value_null, bool *result_null);

/* The first step of a group with these arguments; errors as it does. */
extern void weir_partial_agg_try(PartialAgg *agg, const NullableDatum *args);

/* Free what combine and finalize, or advance, left in aggcontext. */
extern void weir_partial_agg_reset(PartialAgg *agg);

#endif
