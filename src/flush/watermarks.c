/*
 * watermarks.c
 *	  Watermarks, as the flush worker has to do with them: stored, moved while
 *	  nothing comes, and what they let expire.
 *
 * Their state is in time/watermark.c.  weir.watermarks keeps it over
 * restarts, written in the flush transaction.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/timestamp.h"

#include "base/own_table.h"
#include "base/owner.h"
#include "base/time_limit.h"
#include "flush/tend.h"
#include "flush/watermarks.h"
#include "groups/epoch.h"
#include "matrel/closed.h"
#include "process/worker.h"
#include "time/watermark.h"

bool
weir_watermarks_pending(void)
{
	int			n;

	(void) weir_watermark_changes(weir_worker_self->slot, &n);
	return n > 0;
}

/* In SPI. */
void
weir_watermarks_write(void)
{
	static SPIPlanPtr plan = NULL;
	static SPIPlanPtr erase = NULL;
	Oid			types[3] = {OIDOID, INT4OID, TIMESTAMPTZOID};
	int			n;
	StoredWatermark *changes = weir_watermark_changes(weir_worker_self->slot, &n);

	for (int i = 0; i < n; i++)
	{
		Datum		values[3] = {ObjectIdGetDatum(changes[i].streamid), Int32GetDatum(changes[i].partition),
			TimestampTzGetDatum(changes[i].watermark)};

		if (changes[i].watermark == NO_WATERMARK)
		{
			weir_own_execute(&erase,
							 "DELETE FROM weir.watermarks w WHERE w.stream OPERATOR(pg_catalog.=) $1"
							 " AND w.partition OPERATOR(pg_catalog.=) $2",
							 2, types, values, NULL);
			continue;
		}
		weir_own_execute(&plan,
						 "INSERT INTO weir.watermarks AS w (stream, partition, watermark)"
						 " SELECT c.oid, $2, $3 FROM pg_catalog.pg_class c WHERE c.oid OPERATOR(pg_catalog.=) $1"
						 " ON CONFLICT (stream, partition) DO UPDATE SET watermark = excluded.watermark"
						 " WHERE w.watermark OPERATOR(pg_catalog.<) excluded.watermark",
						 3, types, values, NULL);
	}
}

bool
weir_watermarks_tick(List *views)
{
	weir_watermark_purge(weir_worker_self->slot, weir_cont_views_streams(views, false));
	if (!weir_epoch_cut_watermarks(weir_worker_self->slot) || !weir_watermarks_pending())
		return false;
	SPI_connect();
	weir_watermarks_write();
	SPI_finish();
	return true;
}

typedef struct ClosedExpiry
{
	int			limit;
	int64		deleted;
} ClosedExpiry;

static void
expire_closed(ContView *view, void *arg)
{
	ClosedExpiry *expiry = arg;
	OwnerSwitch saved;
	int64		nvalues;

	weir_owner_enter(&saved, view->owner, view->path, view->defid);
	weir_time_limit_lift();
	expiry->deleted = weir_matrel_expire_closed(weir_runtime_get(view), expiry->limit, &nvalues);
	expiry->deleted += nvalues;
	weir_owner_leave(&saved);
}

bool
weir_watermarks_expire(List *views, int limit)
{
	bool		more = false;
	ListCell   *lc;

	foreach(lc, views)
	{
		ContView   *view = lfirst(lc);
		ClosedExpiry expiry = {limit, 0};

		if (!view->options.retained || view->options.partitioned)
			continue;
		(void) weir_view_tend(TEND_CLOSED, view, RowExclusiveLock, expire_closed, &expiry);
		more |= expiry.deleted >= limit;
	}
	return more;
}
