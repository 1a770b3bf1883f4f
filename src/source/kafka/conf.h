/*
 * conf.h
 *	  librdkafka's configuration for a stream.
 */
#ifndef WEIR_SOURCE_KAFKA_CONF_H
#define WEIR_SOURCE_KAFKA_CONF_H

#include "postgres.h"

#include <librdkafka/rdkafka.h>

#include "meta/options.h"

/* of a message that librdkafka holds, beside its bytes; about */
#define KAFKA_MESSAGE_OVERHEAD 512

/*
 * All properties; NULL with the reason in err if librdkafka refuses one.  Says
 * also whether the user wants to see librdkafka's debug lines.
 */
extern rd_kafka_conf_t *weir_conf_make(const KafkaStreamOptions *options, bool *debug, char *err, size_t errlen);

/* What messages that wait take at most, about. */
extern Size weir_conf_max_memory(rd_kafka_conf_t *conf);

#endif
