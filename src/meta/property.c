/*
 * property.c
 *	  Which of librdkafka's properties may be given as option "kafka.<name>",
 *	  where, and by whom.
 *
 * The table lists those that ordinary users may set, and those that need one
 * of PostgreSQL's roles because they reach files or programs of the server's
 * machine.  What is not in it only superusers may set: nobody has looked at
 * what it reaches.
 *
 * How a connection is secured is said by the server, as who it is by the user
 * mapping.  A stream has neither: it would use what belongs to the others,
 * send their password over a line without encryption, say.
 *
 * librdkafka is asked with a scratch configuration whether it knows a property
 * and takes the value; this starts no threads.
 *
 * Called by backends, from the wrapper's validator: who is checked is who sets
 * the option, as for the files of COPY.
 */
#include "postgres.h"

#include <librdkafka/rdkafka.h>

#include "catalog/pg_authid.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/varlena.h"

#include "base/compat.h"
#include "meta/property.h"

/* Set by Weir, with what to do instead. */
typedef struct OwnProperty
{
	const char *name;
	const char *hint;
} OwnProperty;

#define OFFSETS_HINT "Weir stores offsets with the views; give \"kafka.group.id\" to see them in Kafka too."
#define GROUPS_HINT "Weir does not join consumer groups; use the stream option \"workers\"."

static const OwnProperty own_properties[] = {
	{"bootstrap.servers", "Use the server option \"bootstrap_servers\"."},
	{"metadata.broker.list", "Use the server option \"bootstrap_servers\"."},
	{"auto.offset.reset", "Use the stream options \"startup\" and \"on_error\"."},
	{"enable.auto.commit", OFFSETS_HINT},
	{"auto.commit.enable", OFFSETS_HINT},
	{"auto.commit.interval.ms", OFFSETS_HINT},
	{"enable.auto.offset.store", OFFSETS_HINT},
	{"offset.store.method", OFFSETS_HINT},
	{"offset.store.path", OFFSETS_HINT},
	{"offset.store.sync.interval.ms", OFFSETS_HINT},
	{"enable.partition.eof", "Weir does not need to be told of the end of a partition; see weir.stat_kafka for the lag."},
	{"group.instance.id", GROUPS_HINT},
	{"group.protocol", GROUPS_HINT},
	{"group.protocol.type", GROUPS_HINT},
	{"group.remote.assignor", GROUPS_HINT},
	{"partition.assignment.strategy", GROUPS_HINT},
	{"session.timeout.ms", GROUPS_HINT},
	{"heartbeat.interval.ms", GROUPS_HINT},
	{"max.poll.interval.ms", GROUPS_HINT},
	{"internal.termination.signal", "The signals of a worker are PostgreSQL's."},
	{"log.queue", "librdkafka's messages go to the server's log; see \"kafka.log_level\" and \"kafka.debug\"."},
	{"plugin.library.paths", "Plugins are not supported."},
	{"interceptors", "Plugins are not supported."},
	{"test.mock.num.brokers", "Use the broker's address in the server option \"bootstrap_servers\"."}
};

/* What a property reaches, and so which role may set it. */
typedef enum PropertyPower
{
	POWER_NONE,
	POWER_FILES,				/* reads a file */

	/* runs a program or a library, or asks another host than a broker */
	POWER_PROGRAMS,
	POWER_LOG,					/* fills the server's log */
	POWER_UNKNOWN				/* nobody has looked */
} PropertyPower;

typedef enum PropertyValue
{
	VALUE_ANY,					/* as far as librdkafka takes it */
	VALUE_SHELL,				/* goes into a command */
	VALUE_URL					/* http or https */
} PropertyValue;

typedef struct PropertyRule
{
	const char *name;
	int			places;			/* KAFKA_ON_... */
	PropertyPower power;
	PropertyValue value;
	bool		secret;			/* never to be seen by other users */
} PropertyRule;

#define TUNING (KAFKA_ON_SERVER | KAFKA_ON_STREAM)
#define IDENTITY (KAFKA_ON_SERVER | KAFKA_ON_MAPPING)

static const PropertyRule rules[] = {
	{"allow.auto.create.topics", TUNING},
	{"api.version.fallback.ms", TUNING},
	{"api.version.request", TUNING},
	{"api.version.request.timeout.ms", TUNING},
	{"broker.address.family", TUNING},
	{"broker.address.ttl", TUNING},
	{"broker.version.fallback", TUNING},
	{"check.crcs", TUNING},
	{"client.dns.lookup", TUNING},
	{"client.id", TUNING},
	{"client.rack", TUNING},
	{"connections.max.idle.ms", TUNING},
	{"coordinator.query.interval.ms", TUNING},
	{"enable.metrics.push", TUNING},
	{"fetch.error.backoff.ms", TUNING},
	{"fetch.max.bytes", TUNING},
	{"fetch.message.max.bytes", TUNING},
	{"fetch.min.bytes", TUNING},
	{"fetch.queue.backoff.ms", TUNING},
	{"fetch.wait.max.ms", TUNING},
	{"group.id", TUNING},
	{"isolation.level", TUNING},
	{"log.connection.close", TUNING},
	{"log_level", TUNING},
	{"max.in.flight", TUNING},
	{"max.in.flight.requests.per.connection", TUNING},
	{"max.partition.fetch.bytes", TUNING},
	{"message.max.bytes", TUNING},
	{"metadata.max.age.ms", TUNING},
	{"metadata.recovery.rebootstrap.trigger.ms", TUNING},
	{"metadata.recovery.strategy", TUNING},
	{"queued.max.messages.kbytes", TUNING},
	{"queued.min.messages", TUNING},
	{"receive.message.max.bytes", TUNING},
	{"reconnect.backoff.jitter.ms", TUNING},
	{"reconnect.backoff.max.ms", TUNING},
	{"reconnect.backoff.ms", TUNING},
	{"retry.backoff.max.ms", TUNING},
	{"retry.backoff.ms", TUNING},
	{"socket.connection.setup.timeout.ms", TUNING},
	{"socket.keepalive.enable", TUNING},
	{"socket.max.fails", TUNING},
	{"socket.nagle.disable", TUNING},
	{"socket.receive.buffer.bytes", TUNING},
	{"socket.send.buffer.bytes", TUNING},
	{"socket.timeout.ms", TUNING},
	{"topic.metadata.propagation.max.ms", TUNING},
	{"topic.metadata.refresh.fast.interval.ms", TUNING},
	{"topic.metadata.refresh.interval.ms", TUNING},
	{"topic.metadata.refresh.sparse", TUNING},
	{"debug", TUNING, POWER_LOG},

	{"security.protocol", KAFKA_ON_SERVER},
	{"enable.ssl.certificate.verification", KAFKA_ON_SERVER},
	{"ssl.ca.certificate.stores", KAFKA_ON_SERVER},
	{"ssl.ca.location", KAFKA_ON_SERVER, POWER_FILES},
	{"ssl.ca.pem", KAFKA_ON_SERVER},
	{"ssl.cipher.suites", KAFKA_ON_SERVER},
	{"ssl.crl.location", KAFKA_ON_SERVER, POWER_FILES},
	{"ssl.curves.list", KAFKA_ON_SERVER},
	{"ssl.endpoint.identification.algorithm", KAFKA_ON_SERVER},
	{"ssl.engine.id", KAFKA_ON_SERVER, POWER_PROGRAMS},
	{"ssl.engine.location", KAFKA_ON_SERVER, POWER_PROGRAMS},
	{"ssl.providers", KAFKA_ON_SERVER, POWER_PROGRAMS},
	{"ssl.sigalgs.list", KAFKA_ON_SERVER},
	{"ssl.certificate.location", IDENTITY, POWER_FILES},
	{"ssl.certificate.pem", IDENTITY},
	{"ssl.key.location", IDENTITY, POWER_FILES},
	{"ssl.key.password", KAFKA_ON_MAPPING, .secret = true},
	{"ssl.key.pem", KAFKA_ON_MAPPING, .secret = true},
	{"ssl.keystore.location", IDENTITY, POWER_FILES},
	{"ssl.keystore.password", KAFKA_ON_MAPPING, .secret = true},

	{"sasl.mechanism", IDENTITY},
	{"sasl.mechanisms", IDENTITY},
	{"sasl.username", IDENTITY},
	{"sasl.password", KAFKA_ON_MAPPING, .secret = true},

	/* Who chooses the principal has what is in the keytab. */
	{"sasl.kerberos.keytab", IDENTITY, POWER_FILES, VALUE_SHELL},
	{"sasl.kerberos.principal", IDENTITY, POWER_FILES, VALUE_SHELL},
	{"sasl.kerberos.service.name", KAFKA_ON_SERVER, POWER_NONE, VALUE_SHELL},
	{"sasl.kerberos.kinit.cmd", KAFKA_ON_SERVER, POWER_PROGRAMS},
	{"sasl.kerberos.min.time.before.relogin", KAFKA_ON_SERVER, POWER_PROGRAMS},

	{"enable.sasl.oauthbearer.unsecure.jwt", KAFKA_ON_SERVER},
	{"https.ca.location", KAFKA_ON_SERVER, POWER_FILES},
	{"https.ca.pem", KAFKA_ON_SERVER},
	{"sasl.oauthbearer.method", KAFKA_ON_SERVER},
	{"sasl.oauthbearer.grant.type", KAFKA_ON_SERVER},
	{"sasl.oauthbearer.metadata.authentication.type", KAFKA_ON_SERVER, POWER_PROGRAMS},
	{"sasl.oauthbearer.token.endpoint.url", KAFKA_ON_SERVER, POWER_PROGRAMS, VALUE_URL},
	{"sasl.oauthbearer.sub.claim.name", KAFKA_ON_SERVER},
	{"sasl.oauthbearer.assertion.algorithm", KAFKA_ON_SERVER},
	{"sasl.oauthbearer.assertion.claim.aud", IDENTITY},
	{"sasl.oauthbearer.assertion.claim.exp.seconds", IDENTITY},
	{"sasl.oauthbearer.assertion.claim.iss", IDENTITY},
	{"sasl.oauthbearer.assertion.claim.jti.include", IDENTITY},
	{"sasl.oauthbearer.assertion.claim.nbf.seconds", IDENTITY},
	{"sasl.oauthbearer.assertion.claim.sub", IDENTITY},
	{"sasl.oauthbearer.assertion.file", IDENTITY, POWER_FILES},
	{"sasl.oauthbearer.assertion.jwt.template.file", IDENTITY, POWER_FILES},
	{"sasl.oauthbearer.assertion.private.key.file", IDENTITY, POWER_FILES},
	{"sasl.oauthbearer.assertion.private.key.passphrase", KAFKA_ON_MAPPING, .secret = true},
	{"sasl.oauthbearer.assertion.private.key.pem", KAFKA_ON_MAPPING, .secret = true},
	{"sasl.oauthbearer.client.id", IDENTITY},
	{"sasl.oauthbearer.client.secret", KAFKA_ON_MAPPING, .secret = true},
	{"sasl.oauthbearer.config", KAFKA_ON_MAPPING, .secret = true},
	{"sasl.oauthbearer.extensions", IDENTITY},
	{"sasl.oauthbearer.scope", IDENTITY}
};

static void check_owned(const char *name);
static const PropertyRule *find_rule(const char *name);
static void check_place(const PropertyRule *rule, KafkaPropertyPlace place);
static void check_role(const PropertyRule *rule);
static void check_value(const PropertyRule *rule, const char *value);
static void check_with_librdkafka(const char *name, const char *value);
pg_noreturn static void unknown_property(const char *name);

void
weir_kafka_property_check(const char *name, const char *value, KafkaPropertyPlace place)
{
	bool		security = strncmp(name, "sasl.", 5) == 0 || strncmp(name, "ssl.", 4) == 0;
	PropertyRule unknown = {name, security ? IDENTITY : TUNING, POWER_UNKNOWN};
	const PropertyRule *rule = find_rule(name);

	check_owned(name);
	if (rule == NULL)
	{
		check_with_librdkafka(name, value);
		rule = &unknown;
	}
	check_place(rule, place);
	check_role(rule);
	check_value(rule, value);
	check_with_librdkafka(name, value);
}

static void
check_owned(const char *name)
{
	for (int i = 0; i < lengthof(own_properties); i++)
	{
		if (strcmp(name, own_properties[i].name) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
					 errmsg("option \"kafka.%s\" is set by Weir", name),
					 errhint("%s", own_properties[i].hint)));
	}
}

static const PropertyRule *
find_rule(const char *name)
{
	for (int i = 0; i < lengthof(rules); i++)
		if (strcmp(name, rules[i].name) == 0)
			return &rules[i];
	return NULL;
}

static void
check_place(const PropertyRule *rule, KafkaPropertyPlace place)
{
	if (rule->places & place)
		return;
	if (rule->secret)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
				 errmsg("option \"kafka.%s\" holds a secret and belongs to a user mapping", rule->name),
				 errhint("Use CREATE USER MAPPING ... OPTIONS (%s '...').",
						 strcmp(rule->name, "sasl.password") == 0 ? "user '...', password" :
						 psprintf("\"kafka.%s\"", rule->name))));
	ereport(ERROR,
			(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
			 errmsg("option \"kafka.%s\" is not one of %s", rule->name,
					place == KAFKA_ON_MAPPING ? "a user mapping" : "a stream"),
			 errhint("Set it on the server%s.", rule->places & KAFKA_ON_STREAM ? " or the stream" :
					 rule->places & KAFKA_ON_MAPPING ? " or a user mapping" : "")));
}

/* As PostgreSQL asks for, where it does the same itself. */
static void
check_role(const PropertyRule *rule)
{
	Oid			role = rule->power == POWER_FILES ? ROLE_PG_READ_SERVER_FILES :
		rule->power == POWER_PROGRAMS ? ROLE_PG_EXECUTE_SERVER_PROGRAM : InvalidOid;

	if (rule->power == POWER_NONE || superuser() ||
		(OidIsValid(role) && has_privs_of_role(GetUserId(), role)))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied to set option \"kafka.%s\"", rule->name),
			 rule->power == POWER_FILES ?
			 errdetail("It names a file of the server's machine, or what is in one, which role \"%s\" may read.",
					   "pg_read_server_files") :
			 rule->power == POWER_PROGRAMS ?
			 errdetail("It runs code of the server's machine or makes it ask other hosts, which role \"%s\" may do.",
					   "pg_execute_server_program") :
			 rule->power == POWER_LOG ?
			 errdetail("It fills the server's log, which only superusers may do.") :
			 errdetail("Weir does not know what this property of librdkafka reaches: only superusers may set it.")));
}

static void
check_value(const PropertyRule *rule, const char *value)
{
	if (rule->value == VALUE_SHELL && !weir_kafka_value_is_plain(value))
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
				 errmsg("invalid value for option \"kafka.%s\"", rule->name),
				 errdetail("It becomes part of a command: letters, digits and the characters . _ / @ : , - are allowed, with no - at the beginning.")));
	if (rule->value == VALUE_URL &&
		pg_strncasecmp(value, "https://", 8) != 0 && pg_strncasecmp(value, "http://", 7) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
				 errmsg("invalid value for option \"kafka.%s\"", rule->name),
				 errdetail("It must begin with https:// or http://.")));
}

bool
weir_kafka_value_is_plain(const char *value)
{
	if (value[0] == '-')
		return false;			/* an option of the command */
	for (; *value; value++)
		if (!(*value >= 'a' && *value <= 'z') && !(*value >= 'A' && *value <= 'Z') &&
			!(*value >= '0' && *value <= '9') && strchr("._/@:,-", *value) == NULL)
			return false;
	return true;
}

static void
check_with_librdkafka(const char *name, const char *value)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char		reason[512];
	rd_kafka_conf_res_t result;

	result = rd_kafka_conf_set(conf, name, value, reason, sizeof(reason));
	rd_kafka_conf_destroy(conf);
	if (result == RD_KAFKA_CONF_UNKNOWN)
		unknown_property(name);
	if (result != RD_KAFKA_CONF_OK)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_ATTRIBUTE_VALUE),
				 errmsg("invalid value for option \"kafka.%s\"", name),
				 errdetail("librdkafka says: %s", reason)));
}

/*
 * The closest of the names in a librdkafka dump (name, value, name, ...), if
 * closer than *distance.
 */
static void
find_closest(const char *name, const char **dump, size_t n, char **closest, int *distance)
{
	for (size_t i = 0; i + 1 < n; i += 2)
	{
		int			d = weir_option_distance(name, dump[i], *distance);

		if (d < *distance)
		{
			*distance = d;
			*closest = pstrdup(dump[i]);
		}
	}
}

static void
unknown_property(const char *name)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_topic_conf_t *topic_conf = rd_kafka_topic_conf_new();
	size_t		n,
				ntopic;
	const char **dump = rd_kafka_conf_dump(conf, &n);
	const char **topic_dump = rd_kafka_topic_conf_dump(topic_conf, &ntopic);
	char	   *closest = NULL;
	int			distance = 6;

	find_closest(name, dump, n, &closest, &distance);
	find_closest(name, topic_dump, ntopic, &closest, &distance);
	rd_kafka_conf_dump_free(dump, n);
	rd_kafka_conf_dump_free(topic_dump, ntopic);
	rd_kafka_conf_destroy(conf);
	rd_kafka_topic_conf_destroy(topic_conf);
	ereport(ERROR,
			(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
			 errmsg("librdkafka has no property \"%s\"", name),
			 closest ? errhint("Perhaps you meant the option \"kafka.%s\".", closest) : 0));
}

int
weir_option_distance(const char *a, const char *b, int max)
{
	size_t		la = strlen(a);
	size_t		lb = strlen(b);

	/* varstr_levenshtein_less_equal refuses longer ones. */
	if (la > 255 || lb > 255)
		return max + 1;
	return varstr_levenshtein_less_equal(a, la, b, lb, 1, 1, 1, max, true);
}
