/*
 * property.h
 *	  Which of librdkafka's properties may be given as option "kafka.<name>".
 */
#ifndef WEIR_PROPERTY_H
#define WEIR_PROPERTY_H

#include "postgres.h"

/*
 * Errors unless librdkafka knows the property, takes the value, and Weir lets
 * users set it.  Secrets are for user mappings, which other users cannot see;
 * files and commands of the server's machine need the roles that may use them.
 */
extern void weir_kafka_property_check(const char *name, const char *value, bool user_mapping);

/* Edits from one option name to another; above max if there are more than max. */
extern int	weir_option_distance(const char *a, const char *b, int max);

#endif
