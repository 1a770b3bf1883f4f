/*
 * property.c
 *	  Which of librdkafka's properties may be given as option "kafka.<name>".
 *
 * librdkafka is asked with a scratch configuration whether it knows a property
 * and takes the value; this starts no threads.  The lists below refuse what
 * Weir sets itself, keep secrets where other users cannot read them, and ask
 * for PostgreSQL's roles where a property reaches files or programs of the
 * server's machine.
 *
 * Called by backends, from the wrapper's validator.
 */
#include "postgres.h"

#include <librdkafka/rdkafka.h>

#include "catalog/pg_authid.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/varlena.h"

#include "base/compat.h"
#include "catalog/property.h"

/* Set by Weir, with what to do instead. */
typedef struct OwnProperty
{
	const char *name;
	const char *hint;
} OwnProperty;

static const OwnProperty own_properties[] = {
	{"bootstrap.servers", "Use the server option \"bootstrap_servers\"."},
	{"metadata.broker.list", "Use the server option \"bootstrap_servers\"."},
	{"auto.offset.reset", "Use the stream options \"startup\" and \"on_error\"."},
	{"enable.auto.commit", "Weir stores offsets with the views; give \"kafka.group.id\" to see them in Kafka too."},
	{"auto.commit.enable", "Weir stores offsets with the views; give \"kafka.group.id\" to see them in Kafka too."},
	{"auto.commit.interval.ms", "Weir stores offsets with the views; give \"kafka.group.id\" to see them in Kafka too."},
	{"enable.auto.offset.store", "Weir stores offsets with the views; give \"kafka.group.id\" to see them in Kafka too."},
	{"offset.store.method", "Weir stores offsets with the views; give \"kafka.group.id\" to see them in Kafka too."},
	{"offset.store.path", "Weir stores offsets with the views; give \"kafka.group.id\" to see them in Kafka too."},
	{"enable.partition.eof", "Weir does not need to be told of the end of a partition; see weir.stat_kafka for the lag."},
	{"group.instance.id", "Weir does not join consumer groups; use the stream option \"workers\"."},
	{"log.queue", "librdkafka's messages go to the server's log; see \"kafka.log_level\" and \"kafka.debug\"."},
	{"plugin.library.paths", "Plugins are not supported."},
	{"interceptors", "Plugins are not supported."},
	{"test.mock.num.brokers", "Use the broker's address in the server option \"bootstrap_servers\"."}
};

/* Never to be seen by other users. */
static const char *const secrets[] = {
	"sasl.password",
	"sasl.oauthbearer.config",
	"sasl.oauthbearer.client.secret",
	"ssl.key.password",
	"ssl.key.pem",
	"ssl.keystore.password"
};

/* Reach programs and libraries of the server's machine. */
static const char *const programs[] = {
	"sasl.kerberos.kinit.cmd",
	"ssl.engine.location",
	"ssl.providers"
};

static void check_owned(const char *name);
static void check_roles(const char *name);
static void check_with_librdkafka(const char *name, const char *value);
pg_noreturn static void unknown_property(const char *name);

static bool
is_in(const char *name, const char *const *list, int n)
{
	for (int i = 0; i < n; i++)
		if (strcmp(name, list[i]) == 0)
			return true;
	return false;
}

static bool
has_suffix(const char *name, const char *suffix)
{
	size_t		len = strlen(name);

	return len >= strlen(suffix) && strcmp(name + len - strlen(suffix), suffix) == 0;
}

void
weir_kafka_property_check(const char *name, const char *value, bool user_mapping)
{
	bool		security = strncmp(name, "sasl.", 5) == 0 || strncmp(name, "ssl.", 4) == 0;

	check_owned(name);
	if (!user_mapping && is_in(name, secrets, lengthof(secrets)))
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
				 errmsg("option \"kafka.%s\" holds a secret and belongs to a user mapping", name),
				 errhint("Use CREATE USER MAPPING ... OPTIONS (%s '...').",
						 strcmp(name, "sasl.password") == 0 ? "user '...', password" :
						 psprintf("\"kafka.%s\"", name))));
	check_with_librdkafka(name, value);
	if (user_mapping && !security)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
				 errmsg("option \"kafka.%s\" is not one of a user mapping", name),
				 errhint("Give it to the server or the stream.")));
	check_roles(name);
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

static void
check_roles(const char *name)
{
	if (is_in(name, programs, lengthof(programs)) &&
		!has_privs_of_role(GetUserId(), ROLE_PG_EXECUTE_SERVER_PROGRAM))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to set option \"kafka.%s\"", name),
				 errdetail("It runs code of the server's machine, which role \"%s\" may do.",
						   "pg_execute_server_program")));
	if ((has_suffix(name, ".location") || has_suffix(name, ".keytab")) &&
		!has_privs_of_role(GetUserId(), ROLE_PG_READ_SERVER_FILES))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to set option \"kafka.%s\"", name),
				 errdetail("It names a file of the server's machine, which role \"%s\" may read.",
						   "pg_read_server_files")));
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

/* The closest of the names in a librdkafka dump (name, value, name, ...), if closer than *distance. */
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
