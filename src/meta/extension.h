/*
 * extension.h
 *	  The extension's own objects.
 */
#ifndef WEIR_META_EXTENSION_H
#define WEIR_META_EXTENSION_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "datatype/timestamp.h"

/*
 * Has this database the extension?  Cheap after the first call; no catalog
 * access in databases without it.  Needs a transaction.
 */
extern bool weir_extension_exists(void);

/* OID of schema weir and of one of its relations; error when absent. */
extern Oid	weir_schema_oid(void);
extern Oid	weir_catalog_relid(const char *relname);

/* Who owns the extension's tables. */
extern Oid	weir_catalog_owner(void);

/* Is this relation a stream (a foreign table of the weir wrapper)? */
extern bool weir_relation_is_stream(Oid relid);

/*
 * A stream's column of the time of arrival, by attribute number - 1; -1: it
 * has none.
 */
extern int	weir_stream_arrival(TupleDesc desc);

/* Is this server of the weir wrapper? */
extern bool weir_server_is_weir(Oid serverid);

/*
 * Length of an interval in microseconds, a month counted as 30 days; errors
 * when out of range.
 */
extern int64 weir_interval_usecs(const Interval *interval);

#endif
