/*
 * partitions.h
 *	  The partitions that a Kafka worker reads: which there are, and how they
 *	  are.
 */
#ifndef WEIR_SOURCE_KAFKA_PARTITIONS_H
#define WEIR_SOURCE_KAFKA_PARTITIONS_H

#include "postgres.h"

#include "source/kafka/state.h"

/* Ask the broker which partitions there are; false if it does not say. */
extern bool weir_partitions_find(void);

/*
 * Ask whether the cluster and the topic are those of the time when reading
 * began, as far as they have ids; if not it begins anew.  False then, or if
 * the broker does not say.
 */
extern bool weir_partitions_identify(void);

/* Messages of this partition arrived. */
extern void weir_partition_heard(Partition *part);

/*
 * Look at partitions that have been silent for long: where the broker has
 * messages that librdkafka does not bring, read anew.  Returns soon.
 */
extern void weir_partitions_look_at_silent(void);

/*
 * Partitions of which all is read, as the broker says now, may be idle for the
 * stream's watermark.  Asks seldom enough.
 */
extern void weir_partitions_look_at_idle(void);

/* Tell Kafka what the views hold, for its monitoring tools. */
extern void weir_partitions_commit_to_group(void);

/*
 * (Re)start reading at its position; check: see first that the last message is
 * the one that was read.
 */
extern bool weir_partition_restart(int p, bool check);

/*
 * Restart what is read, with a check, unless that was done a moment ago; then
 * later.
 */
extern void weir_partitions_check(void);

#endif
