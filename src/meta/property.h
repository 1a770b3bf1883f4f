/*
 * property.h
 *	  Which of librdkafka's properties may be given as option "kafka.<name>",
 *	  where, and by whom.
 */
#ifndef WEIR_META_PROPERTY_H
#define WEIR_META_PROPERTY_H

#include "postgres.h"

typedef enum KafkaPropertyPlace
{
	KAFKA_ON_SERVER = 1,
	KAFKA_ON_MAPPING = 2,
	KAFKA_ON_STREAM = 4
} KafkaPropertyPlace;

/*
 * Errors unless librdkafka knows the property, takes the value, and the
 * current user may set it there.  Secrets are for user mappings, which other
 * users cannot see; files and commands of the server's machine need the roles
 * that may use them.
 */
extern void weir_kafka_property_check(const char *name, const char *value, KafkaPropertyPlace place);

/*
 * Does a shell take the value for one word, and a command not for an option?
 */
extern bool weir_kafka_value_is_plain(const char *value);

/*
 * Edits from one option name to another; above max if there are more than max.
 */
extern int	weir_option_distance(const char *a, const char *b, int max);

#endif
