/*
 * options.h
 *	  Options of servers, streams, columns and user mappings.
 *
 * They are checked when given, by the wrapper's validator; what depends on the
 * kind of server (a stream of server "weir" has no topic) or on column types
 * is checked by weir_options_check_stream, once the foreign table exists.
 */
#ifndef WEIR_META_OPTIONS_H
#define WEIR_META_OPTIONS_H

#include "postgres.h"

#include "access/attnum.h"
#include "nodes/pg_list.h"
#include "utils/rel.h"

#include "source/format/format.h"

/*
 * What of a message a column takes instead of a field: column option
 * "metadata".
 */
typedef enum KafkaMetadata
{
	KAFKA_METADATA_NONE,
	KAFKA_METADATA_TOPIC,
	KAFKA_METADATA_PARTITION,
	KAFKA_METADATA_OFFSET,
	KAFKA_METADATA_TIMESTAMP,
	KAFKA_METADATA_KEY,
	KAFKA_METADATA_HEADERS
} KafkaMetadata;

/*
 * What to do with a message that cannot be decoded, or is gone from the
 * broker.
 */
typedef enum KafkaOnError
{
	KAFKA_DEAD_LETTER,
	KAFKA_SKIP,
	KAFKA_STOP
} KafkaOnError;

/*
 * A librdkafka property, from an option "kafka.<name>" or derived from
 * another.
 */
typedef struct KafkaProperty
{
	char	   *name;
	char	   *value;
} KafkaProperty;

typedef struct KafkaStreamOptions
{
	Oid			streamid;
	Oid			owner;			/* of the stream: whose user mapping counts */

	/* of the stream; schema-qualified and quoted, for messages */
	char	   *name;
	char	   *bootstrap_servers;
	char	   *topic;
	const Format *format;		/* what messages are in, */
	List	   *format_options; /* and its own options, of DefElem */

	/* startup 'latest': where a partition without a stored offset begins */
	bool		from_latest;
	KafkaOnError on_error;
	int			workers;

	/* group.id given: commit offsets for monitoring */
	bool		has_group;
	List	   *properties;		/* of KafkaProperty; later ones win */
} KafkaStreamOptions;

/*
 * Options of a Kafka stream, palloc'd; NULL if there is no such Kafka stream.
 * As committed: no lock is taken on it.  Needs a transaction.
 */
extern KafkaStreamOptions *weir_options_kafka(Oid streamid);
extern bool weir_options_kafka_equal(const KafkaStreamOptions *a, const KafkaStreamOptions *b);

/* Do rows of this server's streams come from Kafka? */
extern bool weir_options_is_kafka_server(Oid serverid);

extern KafkaMetadata weir_options_metadata(Oid streamid, AttrNumber attnum);

/*
 * The columns that a message's payload does not fill, by attribute number - 1:
 * generated ones, arrival_timestamp, those with option "metadata".  Palloc'd.
 */
extern bool *weir_options_not_in_payload(Relation rel);

/*
 * Errors if the options of a stream do not fit its server or its columns.  To
 * be called after CREATE FOREIGN TABLE and ALTER FOREIGN TABLE.
 */
extern void weir_options_check_stream(Oid streamid);

#endif
