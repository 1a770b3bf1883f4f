/*
 * conf.c
 *	  librdkafka's configuration for a stream.
 *
 * Called by client.c.  No function here errors; failures are told by results
 * and texts.
 */
#include "postgres.h"

#include <librdkafka/rdkafka.h>

#include "meta/property.h"
#include "source/kafka/conf.h"

/* Unless the user says otherwise. */
static const KafkaProperty default_properties[] = {
	{"client.id", "weir"},
	{"allow.auto.create.topics", "false"},
	{"socket.keepalive.enable", "true"},
	{"log.connection.close", "false"},
	{"fetch.error.backoff.ms", "100"},
	{"reconnect.backoff.max.ms", "5000"},
	{"queued.max.messages.kbytes", "65536"},
	/* Not 50 MB: that of JSON is half a gigabyte when it is decompressed. */
	{"fetch.max.bytes", "1048576"}
};

/* Whatever the user says. */
static const KafkaProperty fixed_properties[] = {
	{"enable.auto.commit", "false"},
	{"auto.commit.enable", "false"},
	{"enable.auto.offset.store", "false"},
	{"enable.partition.eof", "true"},
	{"auto.offset.reset", "error"}
};

static bool is_given(const KafkaStreamOptions *options, const char *name);
static bool set_property(rd_kafka_conf_t *conf, const char *name, const char *value, char *err, size_t errlen);
static bool command_is_plain(const rd_kafka_conf_t *conf, char *err, size_t errlen);
static bool set_debug(rd_kafka_conf_t *conf, bool *debug, char *err, size_t errlen);
static bool set_queue(rd_kafka_conf_t *conf, char *err, size_t errlen);

rd_kafka_conf_t *
weir_conf_make(const KafkaStreamOptions *options, bool *debug, char *err, size_t errlen)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	bool		ok = set_property(conf, "bootstrap.servers", options->bootstrap_servers, err, errlen);
	ListCell   *lc;

	for (int i = 0; i < lengthof(default_properties); i++)
		ok = ok && set_property(conf, default_properties[i].name, default_properties[i].value, err, errlen);
	ok = ok && set_queue(conf, err, errlen);
	if (is_given(options, "sasl.username"))
	{
		/*
		 * A name and a password mean this, and a password does not go over the
		 * wire in clear unasked.
		 */
		ok = ok && set_property(conf, "security.protocol", "sasl_ssl", err, errlen) &&
			set_property(conf, "sasl.mechanism", "PLAIN", err, errlen);
	}
	foreach(lc, options->properties)
	{
		KafkaProperty *property = lfirst(lc);

		ok = ok && set_property(conf, property->name, property->value, err, errlen);
	}
	for (int i = 0; i < lengthof(fixed_properties); i++)
		ok = ok && set_property(conf, fixed_properties[i].name, fixed_properties[i].value, err, errlen);
	ok = ok && set_debug(conf, debug, err, errlen) && command_is_plain(conf, err, errlen);
	if (!ok)
	{
		rd_kafka_conf_destroy(conf);
		return NULL;
	}
	return conf;
}

static bool
is_given(const KafkaStreamOptions *options, const char *name)
{
	ListCell   *lc;

	foreach(lc, options->properties)
		if (strcmp(((KafkaProperty *) lfirst(lc))->name, name) == 0)
			return true;
	return false;
}

static bool
set_property(rd_kafka_conf_t *conf, const char *name, const char *value, char *err, size_t errlen)
{
	return rd_kafka_conf_set(conf, name, value, err, errlen) == RD_KAFKA_CONF_OK;
}

/*
 * librdkafka has a shell run the command for Kerberos tickets, with the values
 * of other properties put in the place of %{property}: whoever chose those did
 * not choose the command.
 */
static bool
command_is_plain(const rd_kafka_conf_t *conf, char *err, size_t errlen)
{
	char		command[4096];
	size_t		len = sizeof(command);
	const char *p = command;

	if (rd_kafka_conf_get(conf, "sasl.kerberos.kinit.cmd", command, &len) != RD_KAFKA_CONF_OK)
		return true;			/* built without Kerberos */
	if (len >= sizeof(command))
	{
		snprintf(err, errlen, "sasl.kerberos.kinit.cmd is too long");
		return false;
	}
	while ((p = strstr(p, "%{")) != NULL)
	{
		char		name[128];
		char		value[4096];

		p += 2;
		strlcpy(name, p, Min(sizeof(name), strcspn(p, "}") + 1));
		len = sizeof(value);
		if (rd_kafka_conf_get(conf, name, value, &len) != RD_KAFKA_CONF_OK)
			continue;			/* librdkafka says what it misses */
		if (len >= sizeof(value) || !weir_kafka_value_is_plain(value))
		{
			snprintf(err, errlen, "the value of %s cannot be part of the command of sasl.kerberos.kinit.cmd", name);
			return false;
		}
	}
	return true;
}

/* Debug lines of context "topic", besides those that the user asks for. */
static bool
set_debug(rd_kafka_conf_t *conf, bool *debug, char *err, size_t errlen)
{
	char		contexts[512];
	size_t		len = sizeof(contexts) - strlen(",topic");

	if (rd_kafka_conf_get(conf, "debug", contexts, &len) != RD_KAFKA_CONF_OK)
		contexts[0] = '\0';
	*debug = contexts[0] != '\0';
	strcat(contexts, *debug ? ",topic" : "topic");
	return set_property(conf, "debug", contexts, err, errlen);
}

/*
 * How many messages wait at most.  Before librdkafka 2.2 fetching rests for a
 * second when they do, and so it has to be a second's worth.
 */
static bool
set_queue(rd_kafka_conf_t *conf, char *err, size_t errlen)
{
	bool		rests = rd_kafka_conf_set(conf, "fetch.queue.backoff.ms", "10", NULL, 0) != RD_KAFKA_CONF_OK;

	return set_property(conf, "queued.min.messages", rests ? "500000" : "100000", err, errlen);
}

static int64
get_number(rd_kafka_conf_t *conf, const char *name)
{
	char		value[32];
	size_t		size = sizeof(value);

	return rd_kafka_conf_get(conf, name, value, &size) == RD_KAFKA_CONF_OK ? strtoll(value, NULL, 10) : 0;
}

Size
weir_conf_max_memory(rd_kafka_conf_t *conf)
{
	return get_number(conf, "queued.max.messages.kbytes") * 1024 +
		get_number(conf, "queued.min.messages") * KAFKA_MESSAGE_OVERHEAD;
}
