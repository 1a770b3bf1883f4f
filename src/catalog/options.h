/*
 * options.h
 *	  Options of servers, streams, columns and user mappings.
 */
#ifndef WEIR_OPTIONS_H
#define WEIR_OPTIONS_H

#include "postgres.h"

/* Do streams of this server take their rows from Kafka (bootstrap_servers given)? */
extern bool weir_options_is_kafka_server(Oid serverid);

#endif
