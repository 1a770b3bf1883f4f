/*
 * waiting.h
 *	  Rows that are committed and in no view yet.
 */
#ifndef WEIR_MONITOR_WAITING_H
#define WEIR_MONITOR_WAITING_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "utils/timestamp.h"

/* Of a stream; InvalidOid: rows that may be of any. */
typedef struct Waiting
{
	Oid			streamid;
	TimestampTz since;			/* of the oldest of them */
} Waiting;

extern Waiting *weir_waiting_new(Oid streamid, TimestampTz since);

/* Of this database's streams, each once, palloc'd. */
extern List *weir_waiting_rows(void);

#endif
