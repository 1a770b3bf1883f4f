/*
 * merge.c
 *	  Merging what a batch brings into a run, all or nothing.
 *
 * Into the main run of an epoch by any worker that holds the merge mutex, or
 * into a private run by the worker that builds it.
 *
 * Failure: a merge is staged and reserved before anything is changed; from the
 * first assignment on interrupts are held.  A worker that dies by a signal
 * takes the server's shared memory with it, so nobody sees a merge half done.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "groups/merge.h"

static StoredNote *reserve_note(Run *run, const Note *note);

void
weir_merge_stage(Reservation *r, Run *run, MergeInput *input)
{
	r->merges = palloc0(sizeof(GroupMerge *) * Max(input->nviews, 1));
	r->tables = palloc0(sizeof(GroupTable *) * Max(input->nviews, 1));
	r->fresh = palloc0(sizeof(bool) * Max(input->nviews, 1));
	r->notes = palloc0(sizeof(StoredNote *) * Max(input->nnotes, 1));
	r->offsets = palloc0(sizeof(EpochOffset *) * Max(input->noffsets, 1));
	for (int i = 0; i < input->nviews; i++)
	{
		ViewResult *view = &input->views[i];

		r->tables[i] = weir_run_table(run, view->spec->defid);
		r->merges[i] = weir_groups_stage(r->tables[i], view->spec, view->tuples, view->ntuples);
	}
}

bool
weir_merge_reserve(Reservation *r, Run *run, EpochOffset **offsets, MergeInput *input)
{
	Arena		mark = run->arena;
	Arena		notes_mark = run->note_arena;
	int			n;

	for (n = 0; n < input->nviews; n++)
	{
		GroupSpec  *spec = input->views[n].spec;

		if (r->tables[n] == NULL)
		{
			r->tables[n] = weir_groups_create(&run->arena, spec->defid, spec->append);
			r->fresh[n] = true;
		}
		if (r->tables[n] == NULL || !weir_groups_reserve(r->merges[n], &run->arena))
			break;
	}
	if (n == input->nviews && weir_merge_reserve_notes(r, run, offsets, input))
		return true;

	while (--n >= 0)
		weir_groups_unreserve(r->merges[n], &run->arena);
	weir_arena_rollback(&run->arena, &mark);
	weir_arena_rollback(&run->note_arena, &notes_mark);
	return false;
}

bool
weir_merge_reserve_notes(Reservation *r, Run *run, EpochOffset **offsets, MergeInput *input)
{
	for (int i = 0; i < input->nnotes; i++)
		if ((r->notes[i] = reserve_note(run, &input->notes[i])) == NULL)
			return false;
	for (int i = 0; offsets && i < input->noffsets; i++)
	{
		if (weir_offset_place(*offsets, &input->offsets[i]) == NULL &&
			(r->offsets[i] = weir_offset_reserve(&run->note_arena, &input->offsets[i])) == NULL)
			return false;
	}
	return true;
}

static StoredNote *
reserve_note(Run *run, const Note *note)
{
	StoredNote *result = weir_arena_alloc(&run->note_arena, weir_note_size(note));

	if (result != NULL)
		weir_note_store(result, note);
	return result;
}

void
weir_merge_apply(Reservation *r, Run *run, EpochOffset **offsets, MergeInput *input)
{
	for (int i = 0; i < input->nviews; i++)
	{
		GroupTable *table = r->tables[i];

		if (r->fresh[i])
		{
			table->next = run->tables;
			run->tables = table;
		}
		weir_groups_apply(r->merges[i], table);
		table->rows_in += input->views[i].rows_in;
	}
	for (int i = 0; i < input->nnotes; i++)
	{
		r->notes[i]->next = run->notes;
		run->notes = r->notes[i];
		run->nnotes++;
	}
	for (int i = 0; offsets && i < input->noffsets; i++)
		weir_offset_set(offsets, r->offsets[i], &input->offsets[i]);
}

bool
weir_merge_into_run(Run *run, MergeInput *input)
{
	Reservation r;
	bool		ok;

	weir_merge_stage(&r, run, input);
	HOLD_INTERRUPTS();
	ok = weir_merge_reserve(&r, run, NULL, input);
	if (ok)
		weir_merge_apply(&r, run, NULL, input);
	RESUME_INTERRUPTS();
	return ok;
}

void
weir_merge_try(Run *run, ViewResult *result)
{
	(void) weir_groups_stage(weir_run_table(run, result->spec->defid), result->spec,
							 result->tuples, result->ntuples);
}
