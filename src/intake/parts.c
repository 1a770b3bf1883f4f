/*
 * parts.c
 *	  Batches that give too much to be merged at once, and merging into private
 *	  runs.
 *
 * A batch whose rows give more than is kept in memory is halved until its
 * parts can be taken in.
 *
 * In ingest and Kafka workers.
 *
 * Memory: a part's is freed when it has been taken in, or has failed.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "groups/spill.h"
#include "intake/event_time.h"
#include "intake/parts.h"
#include "intake/take_in.h"

void
weir_parts_merge(Run *run, MergeInput *input)
{
	if (weir_merge_into_run(run, input))
		return;
	weir_run_dump(run);
	if (!weir_merge_into_run(run, input))
		weir_run_spill(run, input);
}

static void
merge_part(TakeIn *take, Intake *intake)
{
	weir_parts_merge(take->run, &intake->input);
	take->merged = true;
	weir_event_merged(intake, take->run);
	weir_intake_note_statistics(intake);
}

static int64
count_rows(const WeirBatch *batch)
{
	int64		n = 0;

	for (int i = 0; i < batch->nsources; i++)
		n += batch->streams[i].nrows;
	return n;
}

static void
take_in_part(WeirBatch *batch, int64 first, int64 last, Run *run)
{
	MemoryContext cxt = CurrentMemoryContext;
	int64		middle = first + (last - first) / 2;
	TakeIn		take = {.run = run,.divisible = last - first > 1,.merge = merge_part};
	TakeInResult result;

	CHECK_FOR_INTERRUPTS();
	check_stack_depth();
	take.batch = weir_batch_slice(batch, first, last);
	take.cxt = take.batch->cxt;
	result = weir_take_in(&take, false);
	if (result == TAKE_IN_SLOWLY)
		result = weir_take_in(&take, true);
	MemoryContextSwitchTo(cxt);
	MemoryContextDelete(take.batch->cxt);
	if (result != TAKE_IN_PARTS)
		return;
	take_in_part(batch, first, middle, run);
	take_in_part(batch, middle, last, run);
}

/*
 * The batch as a whole has been tried by the caller, so begin with its halves.
 */
void
weir_parts_take_in(WeirBatch *batch, Run *run)
{
	int64		n = count_rows(batch);

	weir_batch_drop_derived(batch);
	if (n > 1)
		take_in_part(batch, 0, n / 2, run);
	take_in_part(batch, n / 2, n, run);
}
