/*
 * closed.c
 *	  Deleting windows that the watermark closed long enough ago.
 *
 * Called by the flush worker, in a transaction of its own.  Nothing late is taken into
 * a closed window, so what is deleted never comes back.
 */
#include "matrel/closed.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "matrel/shape.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

/* A portion is a limit of rows. */
int64
weir_matrel_expire_closed(ViewRuntime *runtime, int limit)
{
	const ContViewOptions *options = &runtime->view.options;
	ClosingWindow *closing = runtime->query->closing;
	ContKey    *key = &runtime->query->keys[closing->key];
	Interval	length = closing->length;
	Oid			types[4] = {OIDOID, INTERVALOID, INTERVALOID, INTERVALOID};
	Datum		args[4];
	StringInfoData sql;
	char	   *table;
	char	   *column;
	char	   *bound;
	int64		deleted;

	/* A day of the calendar may be longer. */
	if (length.day != 0 || length.month != 0)
		length.day++;
	args[0] = ObjectIdGetDatum(runtime->view.streamid);
	args[1] = IntervalPGetDatum(&options->lateness);
	args[2] = IntervalPGetDatum(&options->retention);
	args[3] = IntervalPGetDatum(&length);
	table = quote_qualified_identifier(get_namespace_name(get_rel_namespace(runtime->view.matrelid)),
									   get_rel_name(runtime->view.matrelid));
	column = pstrdup(quote_identifier(key->colname));
	initStringInfo(&sql);
	bound = psprintf("(SELECT weir.watermark($1)%s - $2 - $3 - $4)",
					 key->type == TIMESTAMPOID ? " AT TIME ZONE 'UTC'" : "");
	appendStringInfo(&sql,
					 "DELETE FROM %s WHERE ctid = ANY (ARRAY(SELECT ctid FROM %s WHERE %s <= %s LIMIT %d))",
					 table, table, column, bound, limit);
	SPI_connect();
	weir_matrel_writable = true;
	PG_TRY();
	{
		if (SPI_execute_with_args(sql.data, 4, types, args, NULL, false, 0) != SPI_OK_DELETE)
			elog(ERROR, "could not delete closed windows");
	}
	PG_FINALLY();
	{
		weir_matrel_writable = false;
	}
	PG_END_TRY();
	deleted = SPI_processed;
	SPI_finish();
	return deleted;
}
