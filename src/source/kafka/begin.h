/*
 * begin.h
 *	  Where the partitions of a Kafka worker begin, and whether they still are
 *	  the ones that were read.
 */
#ifndef WEIR_SOURCE_KAFKA_BEGIN_H
#define WEIR_SOURCE_KAFKA_BEGIN_H

#include "postgres.h"

#include "source/kafka/state.h"

/*
 * Find where the partitions begin that are ours and not read yet, and start
 * reading them.  False: some could not be, try again soon.  One that is in
 * trouble is not started; see weir_partition_mend.
 */
extern bool weir_partitions_start(void);

/* A message has come: is it to be taken?  And that there are no more. */
extern bool weir_partition_takes(const KafkaMessage *message);
extern void weir_partition_ends(const KafkaMessage *message);
extern SourceMark weir_message_mark(const KafkaMessage *message);

/*
 * A partition is in trouble: go on where weir.resume said, or with on_error
 * 'skip' at the first message there is, with a dead letter about what is
 * missed; otherwise ask for a stop.  When the broker has the offset after
 * all, it is asked for again.
 */
extern void weir_partition_mend(int p);

#endif
