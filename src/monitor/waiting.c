/*
 * waiting.c
 *	  Rows that are committed and in no view yet: in the queue, in the hands of
 *	  a worker, or in an epoch that is not flushed.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/hsearch.h"

#include "base/shmem.h"
#include "base/stats.h"
#include "monitor/waiting.h"
#include "stream/queue.h"

static void
note(HTAB *streams, Oid streamid, TimestampTz since)
{
	bool		found;
	Waiting    *w = hash_search(streams, &streamid, HASH_ENTER, &found);

	if (!found || w->since > since)
		w->since = since;
}

static void
visit_message(const StreamSet *set, TimestampTz published, void *arg)
{
	if (set->n > STREAM_SET_MAX)
		note(arg, InvalidOid, published);
	for (int i = 0; set->n <= STREAM_SET_MAX && i < set->n; i++)
		note(arg, set->streams[i], published);
}

Waiting *
weir_waiting_new(Oid streamid, TimestampTz since)
{
	Waiting    *w = palloc(sizeof(Waiting));

	w->streamid = streamid;
	w->since = since;
	return w;
}

/*
 * In the order in which rows go, so that none is missed that goes on
 * meanwhile.
 */
List *
weir_waiting_rows(void)
{
	HASHCTL		ctl = {.keysize = sizeof(Oid),.entrysize = sizeof(Waiting),.hcxt = CurrentMemoryContext};
	HTAB	   *streams = hash_create("weir waiting", 64, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	int			slot = weir_database_slot(MyDatabaseId, false);
	List	   *result = NIL;
	HASH_SEQ_STATUS seq;
	Waiting    *w;
	ListCell   *lc;

	if (slot >= 0)
		weir_queue_each(slot, visit_message, streams);
	foreach(lc, weir_stats_streams())
	{
		StreamStat *s = lfirst(lc);

		for (int epoch = 0; epoch < lengthof(s->waiting); epoch++)
			if (s->waiting[epoch] != 0)
				note(streams, s->entry.relid, s->waiting[epoch]);
	}

	hash_seq_init(&seq, streams);
	while ((w = hash_seq_search(&seq)) != NULL)
		result = lappend(result, weir_waiting_new(w->streamid, w->since));
	hash_destroy(streams);
	return result;
}
