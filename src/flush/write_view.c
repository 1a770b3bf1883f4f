/*
 * write_view.c
 *	  Writing what an epoch has of one view: its groups and their values.
 *
 * Values first: which of them are new to their group decides the states that
 * are kept over different values (query/values_kept.c), and the groups' rows
 * are written with these then.  When too many groups have new values for
 * memory, what there is by then is written before the groups are.
 *
 * Turns: all views wait while one is written.  That is as it must be where
 * there is much to write; but where a single group takes long, because its
 * state is large, each row of it would cost everybody so much.  Such a view
 * is written now and then; the flush sets aside what comes in between
 * (set_aside.c).
 *
 * In the flush worker's transaction.
 */
#include "postgres.h"

#include "utils/hsearch.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/stats.h"
#include "base/time_limit.h"
#include "flush/tend.h"
#include "flush/write_view.h"
#include "groups/sorted.h"
#include "matrel/distinct_state.h"
#include "matrel/write.h"
#include "runtime/execute.h"

/*
 * A view is slow when writing it took SLOW_MS in all and SLOW_ROW_MS per row,
 * once for SURELY_SLOW_MS or twice within SLOW_FORGET_MS: once may be the
 * machine's fault. Then the others get OTHERS_FACTOR times as long before it
 * is written again.
 */
#define SLOW_MS 200
#define SURELY_SLOW_MS 1000
#define SLOW_ROW_MS 5
#define SLOW_FORGET_MS 60000
#define OTHERS_FACTOR 3

typedef struct Turn
{
	Oid			defid;
	int			ms;				/* duration of the last slow write */
	TimestampTz last;
	TimestampTz next;			/* 0: it was slow once */
} Turn;

static HTAB *turns = NULL;		/* process-local */

/* A view that is being written. */
typedef struct ViewWrite
{
	Epoch	   *epoch;
	FaultyGroups *faulty;		/* groups to leave out; or NULL */
	ViewRuntime *runtime;
	MatrelWriter *matrel;
	DistinctStates *distinct;	/* NULL: the view has no such states */
	bool		began;			/* this flush has written groups already */
	int64		written;
} ViewWrite;

/* Insert incremental DISTINCT states whose group has no row in this epoch. */
static void
write_rest(ViewWrite *write)
{
	MinimalTuple *tuples;
	int			n = weir_distinct_rest(write->distinct, &tuples);

	if (n > 0)
		weir_matrel_write(write->matrel, tuples, n, !write->began);
	write->began |= n > 0;
}

static void
make_room(ViewWrite *write)
{
	if (write->distinct == NULL || !weir_distinct_is_full(write->distinct))
		return;
	weir_distinct_finish(write->distinct);
	write_rest(write);
	weir_distinct_end(write->distinct);
	write->distinct = weir_distinct_begin(write->runtime);
}

/* Write one values relation.  Returns false when it is gone. */
static bool
write_values(ViewWrite *write, ViewRuntime *part, int n)
{
	MatrelWriter *writer = weir_writer_open(part);
	SortedGroups *values;
	MinimalTuple *tuples;
	bool		first_time;
	int			ntuples;

	if (writer == NULL)
		return false;
	values = weir_sorted_open(write->epoch, &part->spec);
	while ((ntuples = weir_sorted_next(values, &tuples, &first_time)) > 0)
	{
		weir_time_limit_restart();
		if (write->faulty)
			ntuples = weir_faulty_leave_out(write->faulty, n + 1, tuples, ntuples);
		weir_writer_listen(writer, write->distinct ? weir_distinct_of_values(write->distinct, n) : NULL);
		weir_matrel_write(writer, tuples, ntuples, first_time);
		make_room(write);
	}
	weir_sorted_close(values);
	write->written += weir_writer_written(writer);
	weir_writer_close(writer);
	return true;
}

static void
write_groups(ViewWrite *write)
{
	SortedGroups *groups = weir_sorted_open(write->epoch, &write->runtime->spec);
	MinimalTuple *tuples;
	bool		first_time;
	int			n;

	if (write->distinct)
	{
		weir_distinct_finish(write->distinct);
		weir_writer_listen(write->matrel, weir_distinct_of_matrel(write->distinct));
	}
	while ((n = weir_sorted_next(groups, &tuples, &first_time)) > 0)
	{
		weir_time_limit_restart();
		if (write->faulty)
			n = weir_faulty_leave_out(write->faulty, 0, tuples, n);
		weir_matrel_write(write->matrel, tuples, n, first_time && !write->began);
	}
	weir_sorted_close(groups);
	if (write->distinct == NULL)
		return;
	weir_writer_listen(write->matrel, NULL);
	write->began = true;
	write_rest(write);
	weir_distinct_end(write->distinct);
}

/* ---------------------------------------------------------------------
 * Turns
 * --------------------------------------------------------------------- */

static Turn *
find_turn(Oid defid, HASHACTION action, bool *found)
{
	HASHCTL		ctl;

	if (turns == NULL)
	{
		ctl.keysize = sizeof(Oid);
		ctl.entrysize = sizeof(Turn);
		turns = hash_create("weir slow views", 16, &ctl, HASH_ELEM | HASH_BLOBS);
	}
	return hash_search(turns, &defid, action, found);
}

static void
note_time(Oid defid, int64 rows, TimestampTz begun)
{
	TimestampTz now = weir_clock_steady();
	long		ms = TimestampDifferenceMilliseconds(begun, now);
	Turn	   *turn;
	bool		known;

	if (ms < SLOW_MS || ms / Max(rows, 1) < SLOW_ROW_MS)
		return;
	turn = find_turn(defid, HASH_ENTER, &known);
	known = ms >= SURELY_SLOW_MS || (known && !TimestampDifferenceExceeds(turn->last, now, SLOW_FORGET_MS));
	turn->ms = ms;
	turn->last = now;
	turn->next = known ? TimestampTzPlusMilliseconds(now, ms * OTHERS_FACTOR) : 0;
}

void
weir_write_view_began(Oid defid, TimestampTz start)
{
	TimestampTz now = weir_clock_steady();
	Turn	   *turn = turns ? find_turn(defid, HASH_FIND, NULL) : NULL;

	if (turn && turn->next >= now)
		turn->next = now + (now - start) * OTHERS_FACTOR;
}

void
weir_write_view_purge(List *views)
{
	weir_cont_views_purge(turns, views);
	weir_faulty_purge(views);
}

bool
weir_write_view_is_slow(Oid defid, TimestampTz *next, int *ms)
{
	Turn	   *turn = turns ? find_turn(defid, HASH_FIND, NULL) : NULL;

	if (turn == NULL || turn->next == 0)
		return false;
	*next = turn->next;
	*ms = turn->ms;
	return true;
}

/* ---------------------------------------------------------------------
 * A view
 * --------------------------------------------------------------------- */

int64
weir_write_view(ContView *view, Epoch *epoch, FaultyGroups *faulty)
{
	TimestampTz start = weir_clock_steady();
	ViewWrite	write = {epoch, faulty, weir_runtime_get(view)};
	ViewRuntime *part;
	TimestampTz begun = weir_clock_steady();	/* with a plan */
	OwnerSwitch saved;

	weir_owner_enter(&saved, view->owner, view->path, view->defid);
	write.matrel = weir_writer_open(write.runtime);
	if (write.matrel != NULL)
	{
		write.distinct = weir_distinct_begin(write.runtime);
		for (int i = 1; (part = weir_runtime_part(write.runtime, i)) != NULL; i++)
			if (!write_values(&write, part, i - 1))
				break;
		write_groups(&write);
		write.written += weir_writer_written(write.matrel);
		weir_writer_close(write.matrel);
	}
	weir_stats_view_flush(view->defid, write.written, weir_clock_steady() - start);
	note_time(view->defid, write.written, begun);
	weir_owner_leave(&saved);
	return write.written;
}

/* ---------------------------------------------------------------------
 * Carefully
 * --------------------------------------------------------------------- */

typedef struct WriteWork
{
	Epoch	   *epoch;
	FaultyGroups *faulty;
	int64		written;
} WriteWork;

static void
write_view(ContView *view, void *arg)
{
	WriteWork  *work = arg;

	work->written = weir_write_view(view, work->epoch, work->faulty);
}

ErrorData *
weir_write_view_carefully(ContView *view, Epoch *epoch, int64 *written)
{
	WriteWork	work = {epoch, NULL, 0};
	ErrorData  *error = weir_view_try(write_view, view, &work);

	if (error && weir_view_error_kind(view->defid, error) == ERROR_ROW)
		work.faulty = weir_faulty_find(view, epoch, &error);
	if (work.faulty)
		error = weir_view_try(write_view, view, &work);
	if (error)
		return error;
	if (work.faulty)
		weir_faulty_bury(work.faulty);
	else
		weir_faulty_none(view->defid);
	*written += work.written;
	return NULL;
}
