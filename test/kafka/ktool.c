/*
 * ktool.c
 *	  What the tests ask of a Kafka broker, without a JVM per question.
 *
 * Everything goes over the wire with librdkafka, so it serves the real broker
 * and librdkafka's emulation alike; the emulation knows no admin requests, so
 * its topics are made by commands to "ktool mock" (see run_mock).
 *
 * Exit code 0: done; 1: failed, with the reason on stderr; 2: wrong usage.
 */
#include <ctype.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#define TIMEOUT_MS 30000

static const char usage_text[] =
"usage: ktool wait BOOTSTRAP SECONDS            until the broker answers\n"
"       ktool create BOOTSTRAP TOPIC PARTITIONS [CONFIG=VALUE ...]\n"
"       ktool drop BOOTSTRAP TOPIC\n"
"       ktool add-partitions BOOTSTRAP TOPIC TOTAL\n"
"       ktool delete-records BOOTSTRAP TOPIC PARTITION BEFORE_OFFSET\n"
"       ktool watermarks BOOTSTRAP TOPIC        lines: partition low high\n"
"       ktool count BOOTSTRAP TOPIC             messages kept\n"
"       ktool produce BOOTSTRAP TOPIC [-p PARTITION] [-k KEY] [-f] [-d END] [-r RATE]\n"
"                     [-t MS] [-H NAME=VALUE] [-X PROP=VALUE] [-x END]   lines of stdin\n"
"             -f: lines are PARTITION<tab>KEY<tab>VALUE; an empty partition is the\n"
"                 partitioner's choice, an empty key is none, VALUE \\N a tombstone\n"
"             -d: what a line ends with, instead of a line feed\n"
"             -r: messages a second; -t: timestamp of the messages\n"
"             -x: all in one transaction, whose end is: commit, abort or open (it is left)\n"
"       ktool mock FILE [BROKERS]               emulated cluster; bootstrap into FILE;\n"
"             commands on stdin: topic NAME PARTITIONS | down BROKER | up BROKER |\n"
"             rtt BROKER MS | error APIKEY CODE [COUNT] | clear APIKEY |\n"
"             topic-error NAME CODE | leader TOPIC PARTITION BROKER | quit\n";

static void
fail(const char *fmt,...)
{
	va_list		args;

	va_start(args, fmt);
	fputs("ktool: ", stderr);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

static void
usage(void)
{
	fputs(usage_text, stderr);
	exit(2);
}

static void
conf_set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
	char		err[512];

	if (rd_kafka_conf_set(conf, name, value, err, sizeof(err)) != RD_KAFKA_CONF_OK)
		fail("%s", err);
}

/* A handle without log lines: what goes wrong is said by the call that waits for it. */
static rd_kafka_t *
open_handle(rd_kafka_type_t type, const char *bootstrap, rd_kafka_conf_t *conf)
{
	char		err[512];
	rd_kafka_t *rk;

	if (conf == NULL)
		conf = rd_kafka_conf_new();
	conf_set(conf, "bootstrap.servers", bootstrap);
	conf_set(conf, "log_level", "0");
	conf_set(conf, "reconnect.backoff.ms", "20");
	conf_set(conf, "reconnect.backoff.max.ms", "200");
	rk = rd_kafka_new(type, conf, err, sizeof(err));
	if (rk == NULL)
		fail("%s", err);
	return rk;
}

/* ----------------------------------------------------------------
 * Admin requests
 * ----------------------------------------------------------------
 */

static const rd_kafka_metadata_t *
topic_metadata(rd_kafka_t *rk, const char *topic, rd_kafka_topic_t **rkt)
{
	const rd_kafka_metadata_t *md;
	rd_kafka_resp_err_t err;

	*rkt = rd_kafka_topic_new(rk, topic, NULL);
	err = rd_kafka_metadata(rk, 0, *rkt, &md, TIMEOUT_MS);
	if (err)
		fail("metadata of %s: %s", topic, rd_kafka_err2str(err));
	return md;
}

/* Wait until a topic has this many partitions, each with a leader. */
static void
wait_for_partitions(rd_kafka_t *rk, const char *topic, int npartitions)
{
	for (int tries = 0; tries < 1000; tries++)
	{
		rd_kafka_topic_t *rkt;
		const rd_kafka_metadata_t *md = topic_metadata(rk, topic, &rkt);
		int			ready = 0;

		for (int i = 0; md->topics[0].err == 0 && i < md->topics[0].partition_cnt; i++)
			ready += md->topics[0].partitions[i].leader >= 0;
		rd_kafka_metadata_destroy(md);
		rd_kafka_topic_destroy(rkt);
		if (ready >= npartitions)
			return;
		usleep(20000);
	}
	fail("topic %s: no leaders", topic);
}

static void
check_topic_results(const rd_kafka_topic_result_t **results, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (rd_kafka_topic_result_error(results[i]))
			fail("%s: %s", rd_kafka_topic_result_name(results[i]),
				 rd_kafka_topic_result_error_string(results[i]));
}

/* Wait for the answer to an admin request and look into it. */
static void
finish_admin(rd_kafka_queue_t *queue)
{
	rd_kafka_event_t *ev = rd_kafka_queue_poll(queue, TIMEOUT_MS + 5000);
	const rd_kafka_topic_result_t **results = NULL;
	size_t		n = 0;

	if (ev == NULL)
		fail("no answer from the broker");
	if (rd_kafka_event_error(ev))
		fail("%s", rd_kafka_event_error_string(ev));
	switch (rd_kafka_event_type(ev))
	{
		case RD_KAFKA_EVENT_CREATETOPICS_RESULT:
			results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(ev), &n);
			break;
		case RD_KAFKA_EVENT_DELETETOPICS_RESULT:
			results = rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(ev), &n);
			break;
		case RD_KAFKA_EVENT_CREATEPARTITIONS_RESULT:
			results = rd_kafka_CreatePartitions_result_topics(rd_kafka_event_CreatePartitions_result(ev), &n);
			break;
		case RD_KAFKA_EVENT_DELETERECORDS_RESULT:
			{
				const rd_kafka_topic_partition_list_t *list;

				list = rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(ev));
				for (int i = 0; i < list->cnt; i++)
					if (list->elems[i].err)
						fail("%s", rd_kafka_err2str(list->elems[i].err));
				break;
			}
	}
	check_topic_results(results, n);
	rd_kafka_event_destroy(ev);
}

static void
run_create(const char *bootstrap, const char *topic, int partitions, char **configs)
{
	rd_kafka_t *rk = open_handle(RD_KAFKA_PRODUCER, bootstrap, NULL);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
	char		err[512];
	rd_kafka_NewTopic_t *nt = rd_kafka_NewTopic_new(topic, partitions, 1, err, sizeof(err));

	if (nt == NULL)
		fail("%s", err);
	for (; *configs; configs++)
	{
		char	   *eq = strchr(*configs, '=');

		if (eq == NULL)
			usage();
		*eq = '\0';
		rd_kafka_NewTopic_set_config(nt, *configs, eq + 1);
	}
	rd_kafka_CreateTopics(rk, &nt, 1, NULL, queue);
	finish_admin(queue);
	wait_for_partitions(rk, topic, partitions);
}

static void
run_drop(const char *bootstrap, const char *topic)
{
	rd_kafka_t *rk = open_handle(RD_KAFKA_PRODUCER, bootstrap, NULL);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
	rd_kafka_DeleteTopic_t *dt = rd_kafka_DeleteTopic_new(topic);

	rd_kafka_DeleteTopics(rk, &dt, 1, NULL, queue);
	finish_admin(queue);
}

static void
run_add_partitions(const char *bootstrap, const char *topic, int total)
{
	rd_kafka_t *rk = open_handle(RD_KAFKA_PRODUCER, bootstrap, NULL);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
	char		err[512];
	rd_kafka_NewPartitions_t *np = rd_kafka_NewPartitions_new(topic, total, err, sizeof(err));

	if (np == NULL)
		fail("%s", err);
	rd_kafka_CreatePartitions(rk, &np, 1, NULL, queue);
	finish_admin(queue);
	wait_for_partitions(rk, topic, total);
}

static void
run_delete_records(const char *bootstrap, const char *topic, int partition, long long before)
{
	rd_kafka_t *rk = open_handle(RD_KAFKA_PRODUCER, bootstrap, NULL);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_DeleteRecords_t *dr;

	rd_kafka_topic_partition_list_add(list, topic, partition)->offset = before;
	dr = rd_kafka_DeleteRecords_new(list);
	rd_kafka_DeleteRecords(rk, &dr, 1, NULL, queue);
	finish_admin(queue);
}

/* ----------------------------------------------------------------
 * Questions
 * ----------------------------------------------------------------
 */

static void
run_wait(const char *bootstrap, int seconds)
{
	rd_kafka_t *rk = open_handle(RD_KAFKA_PRODUCER, bootstrap, NULL);
	time_t		end = time(NULL) + seconds;

	do
	{
		const rd_kafka_metadata_t *md;

		if (rd_kafka_metadata(rk, 0, NULL, &md, 500) == RD_KAFKA_RESP_ERR_NO_ERROR)
		{
			int			brokers = md->broker_cnt;

			rd_kafka_metadata_destroy(md);
			if (brokers > 0)
				return;
		}
		usleep(50000);
	} while (time(NULL) <= end);
	fail("no answer from %s within %d s", bootstrap, seconds);
}

/* Print the watermarks of each partition, or only their sum of distances. */
static void
run_watermarks(const char *bootstrap, const char *topic, int only_count)
{
	rd_kafka_t *rk = open_handle(RD_KAFKA_CONSUMER, bootstrap, NULL);
	rd_kafka_topic_t *rkt;
	const rd_kafka_metadata_t *md = topic_metadata(rk, topic, &rkt);
	long long	count = 0;

	if (md->topics[0].err)
		fail("%s: %s", topic, rd_kafka_err2str(md->topics[0].err));
	for (int i = 0; i < md->topics[0].partition_cnt; i++)
	{
		int			id = md->topics[0].partitions[i].id;
		int64_t		low,
					high;
		rd_kafka_resp_err_t err;

		err = rd_kafka_query_watermark_offsets(rk, topic, id, &low, &high, TIMEOUT_MS);
		if (err)
			fail("%s [%d]: %s", topic, id, rd_kafka_err2str(err));
		count += high - low;
		if (!only_count)
			printf("%d %lld %lld\n", id, (long long) low, (long long) high);
	}
	if (only_count)
		printf("%lld\n", count);
}

/* ----------------------------------------------------------------
 * Producing
 * ----------------------------------------------------------------
 */

typedef struct Produce
{
	rd_kafka_t *rk;
	const char *topic;
	int			partition;
	const char *key;
	int			fields;
	double		rate;
	long long	timestamp;
	rd_kafka_headers_t *headers;
	const char *transaction;	/* how it ends; NULL: none */
	long long	sent;
	long long	failed;
	struct timespec start;
} Produce;

static void
on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *msg, void *opaque)
{
	Produce    *p = opaque;

	(void) rk;
	if (msg->err && p->failed++ == 0)
		fprintf(stderr, "ktool: not delivered: %s\n", rd_kafka_err2str(msg->err));
}

/* Wait until the rate allows the next message. */
static void
keep_rate(Produce *p)
{
	struct timespec now;
	double		ahead;

	if (p->rate <= 0)
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	ahead = p->sent / p->rate - (now.tv_sec - p->start.tv_sec) - (now.tv_nsec - p->start.tv_nsec) / 1e9;
	if (ahead > 0.001)
		usleep((useconds_t) (ahead * 1e6));
}

static void
produce_line(Produce *p, char *line, size_t len)
{
	int			partition = p->partition;
	const char *key = p->key;
	size_t		keylen = key ? strlen(key) : 0;
	rd_kafka_resp_err_t err;

	if (p->fields)
	{
		char	   *k = memchr(line, '\t', len);
		char	   *v = k ? memchr(k + 1, '\t', len - (k + 1 - line)) : NULL;

		if (v == NULL)
			fail("line without two tabs: %.60s", line);
		if (k > line)
			partition = atoi(line);
		keylen = v - (k + 1);
		key = keylen > 0 ? k + 1 : NULL;
		len -= v + 1 - line;
		line = v + 1;
		if (len == 2 && memcmp(line, "\\N", 2) == 0)
			line = NULL, len = 0;
	}
	keep_rate(p);
	for (;;)
	{
		rd_kafka_headers_t *headers = p->headers ? rd_kafka_headers_copy(p->headers) : NULL;

		err = rd_kafka_producev(p->rk, RD_KAFKA_V_TOPIC(p->topic),
								RD_KAFKA_V_PARTITION(partition),
								RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
								RD_KAFKA_V_VALUE(line, len),
								RD_KAFKA_V_KEY((void *) key, keylen),
								RD_KAFKA_V_TIMESTAMP(p->timestamp),
								RD_KAFKA_V_HEADERS(headers),
								RD_KAFKA_V_END);
		if (err && headers)
			rd_kafka_headers_destroy(headers);
		if (err != RD_KAFKA_RESP_ERR__QUEUE_FULL)
			break;
		rd_kafka_poll(p->rk, 50);
	}
	if (err)
		fail("%s", rd_kafka_err2str(err));
	if (++p->sent % 4096 == 0)
		rd_kafka_poll(p->rk, 0);
}

static void
check_transaction(rd_kafka_error_t *error)
{
	if (error)
		fail("%s", rd_kafka_error_string(error));
}

static void
end_transaction(Produce *p)
{
	if (strcmp(p->transaction, "commit") == 0)
		check_transaction(rd_kafka_commit_transaction(p->rk, TIMEOUT_MS));
	else if (strcmp(p->transaction, "abort") == 0)
		check_transaction(rd_kafka_abort_transaction(p->rk, TIMEOUT_MS));
}

static void
run_produce(const char *bootstrap, const char *topic, int argc, char **argv)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	Produce		p = {.topic = topic,.partition = RD_KAFKA_PARTITION_UA};
	char	   *line = NULL,
			   *eq = NULL;
	size_t		cap = 0;
	ssize_t		len;
	int			c,
				end = '\n';

	conf_set(conf, "linger.ms", "5");
	conf_set(conf, "batch.num.messages", "100000");
	conf_set(conf, "queue.buffering.max.messages", "500000");
	while ((c = getopt(argc, argv, "p:k:fd:r:t:H:X:x:")) != -1)
	{
		if ((c == 'H' || c == 'X') && (eq = strchr(optarg, '=')) == NULL)
			usage();
		switch (c)
		{
			case 'p':
				p.partition = atoi(optarg);
				break;
			case 'k':
				p.key = optarg;
				break;
			case 'f':
				p.fields = 1;
				break;
			case 'd':
				end = optarg[0];
				break;
			case 'r':
				p.rate = atof(optarg);
				break;
			case 't':
				p.timestamp = atoll(optarg);
				break;
			case 'H':
				if (p.headers == NULL)
					p.headers = rd_kafka_headers_new(4);
				rd_kafka_header_add(p.headers, optarg, eq - optarg, eq + 1, -1);
				break;
			case 'x':
				p.transaction = optarg;
				conf_set(conf, "transactional.id", topic);
				break;
			case 'X':
				*eq = '\0';
				conf_set(conf, optarg, eq + 1);
				break;
			default:
				usage();
		}
	}
	rd_kafka_conf_set_opaque(conf, &p);
	rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
	p.rk = open_handle(RD_KAFKA_PRODUCER, bootstrap, conf);
	clock_gettime(CLOCK_MONOTONIC, &p.start);
	if (p.transaction)
	{
		check_transaction(rd_kafka_init_transactions(p.rk, TIMEOUT_MS));
		check_transaction(rd_kafka_begin_transaction(p.rk));
	}
	while ((len = getdelim(&line, &cap, end, stdin)) >= 0)
	{
		if (len > 0 && line[len - 1] == end)
			line[--len] = '\0';
		produce_line(&p, line, len);
	}
	if (rd_kafka_flush(p.rk, 2 * TIMEOUT_MS) != RD_KAFKA_RESP_ERR_NO_ERROR || p.failed > 0)
		fail("%lld of %lld messages not delivered",
			 p.failed > 0 ? p.failed : (long long) rd_kafka_outq_len(p.rk), p.sent);
	if (p.transaction)
		end_transaction(&p);
}

/* ----------------------------------------------------------------
 * The emulated cluster
 * ----------------------------------------------------------------
 */

static void
mock_command(rd_kafka_mock_cluster_t *mc, char *line)
{
	char		word[32],
				name[256];
	int			a,
				b,
				n;
	rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR_NO_ERROR;

	if (sscanf(line, "topic %255s %d", name, &a) == 2)
		err = rd_kafka_mock_topic_create(mc, name, a, 1);
	else if (sscanf(line, "down %d", &a) == 1)
		err = rd_kafka_mock_broker_set_down(mc, a);
	else if (sscanf(line, "up %d", &a) == 1)
		err = rd_kafka_mock_broker_set_up(mc, a);
	else if (sscanf(line, "rtt %d %d", &a, &b) == 2)
		err = rd_kafka_mock_broker_set_rtt(mc, a, b);
	else if ((n = 1) && sscanf(line, "error %d %d %d", &a, &b, &n) >= 2)
		while (n-- > 0)
			rd_kafka_mock_push_request_errors(mc, a, 1, (rd_kafka_resp_err_t) b);
	else if (sscanf(line, "clear %d", &a) == 1)
		rd_kafka_mock_clear_request_errors(mc, a);
	else if (sscanf(line, "topic-error %255s %d", name, &a) == 2)
		rd_kafka_mock_topic_set_error(mc, name, (rd_kafka_resp_err_t) a);
	else if (sscanf(line, "leader %255s %d %d", name, &a, &b) == 3)
		err = rd_kafka_mock_partition_set_leader(mc, name, a, b);
	else if (sscanf(line, "%31s", word) == 1)
	{
		if (strcmp(word, "quit") == 0)
			exit(0);
		fprintf(stderr, "ktool: unknown command: %s", line);
	}
	if (err)
		fprintf(stderr, "ktool: %s: %s\n", strtok(line, "\n"), rd_kafka_err2str(err));
	else
		fprintf(stderr, "done: %s", line);
}

/* Serve until "quit" or a signal.  The end of stdin is no reason to stop. */
static void
run_mock(const char *file, const char *brokers)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_t *rk;
	rd_kafka_mock_cluster_t *mc;
	char		line[512],
				tmp[4096];
	FILE	   *out;

	conf_set(conf, "test.mock.num.brokers", brokers);
	rk = open_handle(RD_KAFKA_PRODUCER, "ignored", conf);
	mc = rd_kafka_handle_mock_cluster(rk);
	if (mc == NULL)
		fail("this librdkafka has no mock cluster");
	setvbuf(stderr, NULL, _IOLBF, 0);
	snprintf(tmp, sizeof(tmp), "%s.tmp", file);
	out = fopen(tmp, "w");
	if (out == NULL)
		fail("cannot write %s", tmp);
	fprintf(out, "%s\n", rd_kafka_mock_cluster_bootstraps(mc));
	if (fclose(out) != 0 || rename(tmp, file) != 0)
		fail("cannot write %s", file);
	while (fgets(line, sizeof(line), stdin))
		mock_command(mc, line);
	for (;;)
		pause();
}

int
main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	if (argc < 3)
		usage();
	if (strcmp(verb, "wait") == 0 && argc == 4)
		run_wait(argv[2], atoi(argv[3]));
	else if (strcmp(verb, "create") == 0 && argc >= 5)
		run_create(argv[2], argv[3], atoi(argv[4]), argv + 5);
	else if (strcmp(verb, "drop") == 0 && argc == 4)
		run_drop(argv[2], argv[3]);
	else if (strcmp(verb, "add-partitions") == 0 && argc == 5)
		run_add_partitions(argv[2], argv[3], atoi(argv[4]));
	else if (strcmp(verb, "delete-records") == 0 && argc == 6)
		run_delete_records(argv[2], argv[3], atoi(argv[4]), atoll(argv[5]));
	else if (strcmp(verb, "watermarks") == 0 && argc == 4)
		run_watermarks(argv[2], argv[3], 0);
	else if (strcmp(verb, "count") == 0 && argc == 4)
		run_watermarks(argv[2], argv[3], 1);
	else if (strcmp(verb, "produce") == 0 && argc >= 4)
		run_produce(argv[2], argv[3], argc - 3, argv + 3);
	else if (strcmp(verb, "mock") == 0)
		run_mock(argv[2], argc > 3 ? argv[3] : "1");
	else
		usage();
	/* Handles are left to the end of the process: closing them waits for nothing we need. */
	fflush(stdout);
	_exit(ferror(stdout) ? 1 : 0);
}
