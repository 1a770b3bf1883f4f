/*
 * settings.c
 *	  All settings of Weir, defined in one place.
 *
 * Called once from _PG_init while shared libraries are preloaded.
 */
#include "postgres.h"

#include <limits.h>

#include "utils/guc.h"

#include "base/settings.h"

int			weir_memory_kb = 256 * 1024;
int			weir_ingest_workers = 1;
int			weir_flush_interval = 100;
bool		weir_synchronous_insert = true;
int			weir_insert_buffer_kb = 4096;
int			weir_batch_rows = 65536;
int			weir_batch_kb = 16384;
int			weir_sliding_window_step_factor = 5;
int			weir_flush_warning = 5000;
int			weir_query_timeout = 10000;
int			weir_call_timeout = 500;
int			weir_kafka_metadata_interval = 5000;
int			weir_set_aside_limit_kb = 1024 * 1024;

int			weir_read_streams = READ_STREAMS_ERROR;

static const struct config_enum_entry read_streams[] = {
	{"error", READ_STREAMS_ERROR, false},
	{"empty", READ_STREAMS_EMPTY, false},
	{NULL, 0, false}
};

typedef struct IntSetting
{
	const char *name;
	const char *help;
	int		   *variable;
	int			min;
	int			max;
	GucContext	context;
	int			flags;
} IntSetting;

static const IntSetting int_settings[] = {
	{"weir.memory",
		"Shared memory for queued rows and unflushed groups of all databases.",
	&weir_memory_kb, 8 * 1024, INT_MAX / 2, PGC_POSTMASTER, GUC_UNIT_KB},
	{"weir.ingest_workers",
		"Number of ingest workers for each database with the extension.",
	&weir_ingest_workers, 1, 16, PGC_SIGHUP, 0},
	{"weir.flush_interval",
		"Longest time that asynchronously inserted rows wait for their flush.",
	&weir_flush_interval, 1, 60 * 1000, PGC_SIGHUP, GUC_UNIT_MS},
	{"weir.insert_buffer",
		"Memory for a transaction's stream rows before they are handed to a worker, or kept in a temporary file.",
	&weir_insert_buffer_kb, 64, 1024 * 1024, PGC_USERSET, GUC_UNIT_KB},
	{"weir.batch_rows",
		"Most rows a worker takes into one run of the continuous queries.",
	&weir_batch_rows, 1, 10 * 1000 * 1000, PGC_SIGHUP, 0},
	{"weir.batch_size",
		"Most memory of rows that a worker takes into one run of the continuous queries.",
	&weir_batch_kb, 64, 1024 * 1024, PGC_SIGHUP, GUC_UNIT_KB},
	{"weir.sliding_window_step_factor",
		"Default step of sliding windows, in percent of the window.",
	&weir_sliding_window_step_factor, 1, 50, PGC_USERSET, 0},
	{"weir.flush_warning",
		"Who has waited for a flush for so long is told why, and then each minute; -1: never.",
	&weir_flush_warning, -1, INT_MAX, PGC_USERSET, GUC_UNIT_MS},
	{"weir.query_timeout",
		"Longest time that the code of one view or stream may take with a batch of rows; 0: no limit.",
	&weir_query_timeout, 0, INT_MAX, PGC_SIGHUP, GUC_UNIT_MS},
	{"weir.call_timeout",
		"Longest time that calls of functions may take where all views wait for them, as where states are combined; 0: no limit.",
	&weir_call_timeout, 0, INT_MAX, PGC_SIGHUP, GUC_UNIT_MS},
	{"weir.set_aside_limit",
		"Most that a database sets aside of views that cannot be written, before one is suspended.",
	&weir_set_aside_limit_kb, 64, INT_MAX, PGC_SIGHUP, GUC_UNIT_KB},
	{"weir.kafka_metadata_interval",
		"Time between looks for new partitions of a Kafka topic.",
	&weir_kafka_metadata_interval, 100, 3600 * 1000, PGC_SIGHUP, GUC_UNIT_MS},
};

void
weir_settings_define(void)
{
	for (int i = 0; i < lengthof(int_settings); i++)
	{
		const IntSetting *s = &int_settings[i];

		DefineCustomIntVariable(s->name, s->help, NULL, s->variable, *s->variable,
								s->min, s->max, s->context, s->flags,
								NULL, NULL, NULL);
	}

	DefineCustomBoolVariable("weir.synchronous_insert",
							 "COMMIT of a stream insert waits until every view shows the rows, durably.",
							 NULL, &weir_synchronous_insert, true,
							 PGC_USERSET, 0, NULL, NULL, NULL);

	DefineCustomEnumVariable("weir.read_streams",
							 "What a query gives that reads rows of a stream: an error, or none.",
							 NULL, &weir_read_streams, READ_STREAMS_ERROR, read_streams,
							 PGC_USERSET, 0, NULL, NULL, NULL);

	MarkGUCPrefixReserved("weir");
}
