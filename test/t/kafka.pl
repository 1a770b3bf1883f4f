# Kafka streams against a real broker: decoding, offsets, on_error, new partitions, brokers that go and come.
use strict;
use warnings;
use KafkaTest;
use WeirTest;
use Test::More;

my ($bootstrap) = start_broker();
my $node = weir_cluster('kafka', conf => "weir.kafka_metadata_interval = 500\n");
$node->safe_psql('postgres',
	"CREATE SERVER k FOREIGN DATA WRAPPER weir OPTIONS (bootstrap_servers '$bootstrap')");

# Every kind of value, and what is missing.
topic('create', 'kinds', 1);
produce('kinds', <<'EOF', '-k', 'key', '-H', 'h=v', '-t', '1700000000123');
{"i": 1, "t": "a\u00e9\n", "n": 12345678901234567890.5, "b": true, "f": 1e3, "ts": "2026-01-02T03:04:05.678Z", "j": {"a": [1, null]}, "arr": [1, 2], "texts": ["x", null, "y,z"], "c": {"x": 1, "y": "why"}, "ignored": {"deep": [{}]}}
{"i": "2", "t": 1.50, "n": null, "b": "off", "f": "NaN", "ts": "2026-01-02 03:04:05+02", "j": "text", "arr": "{3,4}", "d": 7, "i": 3}
{ }
EOF
$node->safe_psql('postgres', q(
	CREATE TYPE pair AS (x int, y text);
	CREATE FOREIGN TABLE kinds (
		i int, t text, n numeric, b bool, f float8, ts timestamptz, j jsonb, arr int[], texts text[], c pair,
		d int DEFAULT 40 + 2, g int GENERATED ALWAYS AS (i * 10) STORED,
		topic text OPTIONS (metadata 'topic'), part int OPTIONS (metadata 'partition'),
		off bigint OPTIONS (metadata 'offset'), at timestamptz OPTIONS (metadata 'timestamp'),
		key text OPTIONS (metadata 'key'), headers jsonb OPTIONS (metadata 'headers')
	) SERVER k OPTIONS (topic 'kinds');
	SET timezone = 'UTC';
	CREATE VIEW kinds_v AS SELECT off, i, t, n, b, f, ts, j, arr, texts, c, d, g, topic, part, at, key, headers,
		arrival_timestamp > '2020-01-01' AS arrived FROM kinds;));
becomes($node, 'SELECT count(*) FROM kinds_v', 3, 'three messages of all kinds are there');
is($node->safe_psql('postgres', q(SET timezone = 'UTC'; SELECT i, t, n, b, f, ts, j, arr, texts, c, d, g FROM kinds_v ORDER BY off)),
	"1|a\x{c3}\x{a9}\n|12345678901234567890.5|t|1000|2026-01-02 03:04:05.678+00|{\"a\": [1, null]}|{1,2}|{x,NULL,\"y,z\"}|(1,why)|42|10\n"
	  . "3|1.50||f|NaN|2026-01-02 01:04:05+00|\"text\"|{3,4}|||7|30\n"
	  . '||||||||||42|',
	'values of all kinds');
is($node->safe_psql('postgres', q(SET timezone = 'UTC'; SELECT DISTINCT topic, part, at, key, headers, arrived FROM kinds_v)),
	'kinds|0|2023-11-14 22:13:20.123+00|key|{"h": "v"}|t', 'metadata');

# What INSERT would refuse is refused, and what a producer has no say in is not taken.
topic('create', 'checks', 1);
produce('checks', <<'EOF');
{"a": 1, "b": "good"}
{"a": null, "b": "null"}
{"b": "missing"}
{"a": 1, "b": null}
{"a": 1}
{}
{"a": 1, "b": "pairs", "p": {"x": 1}}
{"a": 1, "b": "pairs", "p": {"y": "1"}}
{"a": 1, "b": "default", "d": null}
{"a": 1, "b": "number", "at": 1712121212}
{"a": 1, "b": "zero \u0000"}
{"a": 1, "b": "generated", "x": 0}
{"a": 1, "b": "arrival", "arrival_timestamp": "2000-01-01"}
{"a": 1, "b": "raises", "x": -1}
EOF
produce('checks', "{\"a\": 1, \"b\": \"key\"}\n", '-k', "\xff");
$node->safe_psql('postgres', q(
	CREATE DOMAIN filled AS int NOT NULL;
	CREATE DOMAIN told AS text CHECK (VALUE IS NOT NULL);
	CREATE TYPE checked AS (x filled, y text);
	CREATE FUNCTION busy(x int) RETURNS bool LANGUAGE plpgsql AS $$BEGIN
		IF x = -1 THEN RAISE object_in_use; END IF; RETURN true; END$$;
	CREATE FOREIGN TABLE checks (a filled, b told, p checked, d filled DEFAULT 7, at date, x int CHECK (busy(x)), g int GENERATED ALWAYS AS (10 / x) STORED,
		off bigint OPTIONS (metadata 'offset'), k text OPTIONS (metadata 'key')) SERVER k OPTIONS (topic 'checks', format 'json');
	CREATE VIEW checks_v AS SELECT off, a, b, p, d, at, g, k, arrival_timestamp > '2020-01-01' AS arrived FROM checks;));
becomes($node, 'SELECT * FROM checks_v ORDER BY off', "0|1|good||7||||t\n6|1|pairs|(1,)|7||||t\n12|1|arrival||7||||t", 'rows that fit');
is($node->safe_psql('postgres', q(SELECT "offset", sqlstate, message FROM weir.dead_letters WHERE stream = 'checks'::regclass ORDER BY 1)), <<'EOF'
1|23502|column "a": domain filled does not allow null values
2|23502|column "a": domain filled does not allow null values
3|23514|column "b": value for domain told violates check constraint "told_check"
4|23514|column "b": value for domain told violates check constraint "told_check"
5|23502|column "a": domain filled does not allow null values
7|23502|column "p": domain filled does not allow null values
8|23502|column "d": domain filled does not allow null values
9|22007|column "at": a number is not taken for a date (Read it into a column of type bigint, and compute the time in a generated column.)
10|22P05|column "b": unsupported Unicode escape sequence: \u0000 cannot be converted to text.
11|22012|column "g": division by zero
13|55006|object_in_use
14|22021|column "k": invalid byte sequence for encoding "UTF8": 0xff
EOF
	=~ s/\n\z//r, 'and those that do not, each with its column');

# Bad messages go aside, once; the others count.
topic('create', 'bad', 2);
my $lines = join '', map { $_ % 100 == 7 ? "{\"a\": \"x$_\"}\n" : "{\"a\": $_}\n" } 1 .. 2000;
produce('bad', $lines, '-p', 0);
produce('bad', "\n", '-p', 1);
$node->safe_psql('postgres', q(
	CREATE FOREIGN TABLE bad (a int CHECK (a <> 1)) SERVER k OPTIONS (topic 'bad');
	CREATE VIEW bad_v AS SELECT count(*), sum(a) FROM bad;));
my $expected = join '|', 2000 - 21, eval { my $s = 0; $s += $_ for grep { $_ % 100 != 7 && $_ != 1 } 1 .. 2000; $s };
becomes($node, 'SELECT * FROM bad_v', $expected, 'good messages between bad ones count');
becomes($node, q(SELECT sqlstate, count(*), count(DISTINCT ("partition", "offset")) FROM weir.dead_letters
	WHERE stream = 'bad'::regclass GROUP BY 1 ORDER BY 1), "22P02|21|21\n23514|1|1", 'bad ones are dead letters, once each');
is($node->safe_psql('postgres', q(SELECT convert_from(payload, 'UTF8'), message FROM weir.dead_letters
	WHERE stream = 'bad'::regclass AND "offset" = 6 AND partition = 0)),
	'{"a": "x7"}|column "a": invalid input syntax for type integer: "x7"', 'with payload and reason');

# Many of them hold nobody up: one flush writes few, whatever a batch brings, and good ones in between count once.
topic('create', 'worse', 1);
produce('worse', join '', map { $_ <= 6000 && $_ % 2 ? "{\"a\": $_}\n" : "{\"a\": bad $_\n" } 1 .. 20000);
$node->safe_psql('postgres', q(
	CREATE FOREIGN TABLE worse (a int) SERVER k OPTIONS (topic 'worse');
	CREATE VIEW worse_v AS SELECT count(*), sum(a) FROM worse;));
becomes($node, q(SELECT count(*), count(DISTINCT "offset"), max("offset") FROM weir.dead_letters WHERE stream = 'worse'::regclass),
	'17000|17000|19999', 'of very many bad messages each is a dead letter');
is($node->safe_psql('postgres', 'SELECT * FROM worse_v'), '3000|9000000', 'good ones between them count once');
is($node->safe_psql('postgres', q(SELECT max(n) <= 3000 FROM (SELECT count(*) AS n FROM weir.dead_letters
	WHERE stream = 'worse'::regclass GROUP BY xmin::text) x)), 't', 'a flush writes no more than some thousand');

# Tombstones.
topic('create', 'tomb', 1);
produce('tomb', "0\tk1\t{\"a\":1}\n0\tk1\t\\N\n", '-f');
$node->safe_psql('postgres', q(
	CREATE FOREIGN TABLE tomb_key (a int, key text OPTIONS (metadata 'key')) SERVER k OPTIONS (topic 'tomb');
	CREATE VIEW tomb_key_v AS SELECT key, count(*), count(a) AS a FROM tomb_key GROUP BY key;
	CREATE FOREIGN TABLE tomb (a int) SERVER k OPTIONS (topic 'tomb', on_error 'skip');
	CREATE VIEW tomb_v AS SELECT count(*) FROM tomb;));
becomes($node, 'SELECT * FROM tomb_key_v', 'k1|2|1', 'a tombstone is a row of a stream that takes keys');
becomes($node, 'SELECT * FROM tomb_v', '1', 'and skipped in one that does not');
becomes($node, q(SELECT errors FROM weir.stat_kafka WHERE stream = 'tomb'::regclass AND partition IS NULL), '1', 'and counted');

# A topic that is not there yet.
$node->safe_psql('postgres', q(
	CREATE FOREIGN TABLE later (a int) SERVER k OPTIONS (topic 'later');
	CREATE VIEW later_v AS SELECT count(*) FROM later;));
becomes($node, q(SELECT state, last_error FROM weir.stat_kafka WHERE stream = 'later'::regclass),
	'no topic|topic "later" does not exist', 'a topic that does not exist is told by its name');
topic('create', 'later', 1);
produce('later', "{}\n");
becomes($node, 'SELECT * FROM later_v', '1', 'and read when it does');
becomes($node, q(SELECT DISTINCT state FROM weir.stat_kafka WHERE stream = 'later'::regclass), 'running', 'which is shown');

# A combine function that waits for a lock while all others wait to merge: they wait no longer than a moment.
topic('create', 'merged', 1);
$node->safe_psql('postgres', q(
	CREATE TABLE read_by_combine ();
	CREATE FUNCTION added(a int, b int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$BEGIN PERFORM FROM read_by_combine; RETURN a + b; END$$;
	CREATE AGGREGATE agg(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0', COMBINEFUNC = added);
	CREATE FOREIGN TABLE merged (a int) SERVER k OPTIONS (topic 'merged');
	CREATE VIEW merged_v AS SELECT agg(a) FROM merged;
	CREATE FOREIGN TABLE beside (a int) SERVER weir;
	CREATE VIEW beside_v AS SELECT count(*) FROM beside));
{
	my $flush = worker_pid($node, 'weir flush worker');
	my $session = $node->background_psql('postgres');
	$session->query_safe('BEGIN; LOCK TABLE read_by_combine');
	kill 'STOP', $flush;
	my $position = q(SELECT position FROM weir.stat_kafka WHERE stream = 'merged'::regclass AND partition = 0);
	produce('merged', "{\"a\": 1}\n");
	becomes($node, $position, '1', 'a first message is merged');
	produce('merged', "{\"a\": 2}\n");
	becomes($node, q(SELECT count(*) > 0 FROM pg_stat_activity a JOIN pg_locks l USING (pid)
		WHERE NOT granted AND backend_type = 'weir kafka worker' AND relation = 'read_by_combine'::regclass), 't', 'the second one meets the lock');
	kill 'CONT', $flush;
	my ($code) = $node->psql('postgres', 'INSERT INTO beside VALUES (1)', timeout => 20);
	is($node->safe_psql('postgres', 'SELECT * FROM beside_v'), '1', 'who inserts into another stream is not held up');
	$session->query_safe('COMMIT');
	$session->quit;
	becomes($node, 'SELECT * FROM merged_v', '3', 'each message counts once');
}

# on_error 'stop': nothing past the message is consumed, until somebody says so.
topic('create', 'stop', 1);
produce('stop', "{\"a\": 1}\n{\"a\": 2}\nbad\n{\"a\": 3}\n");
$node->safe_psql('postgres', q(
	CREATE FOREIGN TABLE stop (a int) SERVER k OPTIONS (topic 'stop', on_error 'stop');
	CREATE VIEW stop_v AS SELECT count(*), sum(a) FROM stop;));
becomes($node, q(SELECT reason FROM weir.source_stopped WHERE stream = 'stop'::regclass),
	'message at offset 2 of partition 0 of topic "stop" cannot be decoded: message is not valid JSON: Token "bad" is invalid.',
	'the stream is stopped with its reason');
becomes($node, 'SELECT * FROM stop_v', '2|3', 'messages before it count');
$node->restart;
is($node->safe_psql('postgres', 'SELECT count(*) FROM weir.source_stopped'), '1', 'the reason survives a restart');
is($node->safe_psql('postgres', q(SELECT DISTINCT state FROM weir.stat_kafka WHERE stream = 'stop'::regclass AND pid IS NOT NULL)),
	'', 'no worker runs');
$node->safe_psql('postgres', q(ALTER FOREIGN TABLE stop OPTIONS (SET on_error 'dead_letter'); SELECT weir.resume('stop')));
becomes($node, 'SELECT * FROM stop_v', '3|6', 'it goes on after weir.resume');

# startup 'latest', new partitions, several workers.
topic('create', 'late', 2);
produce('late', join('', map { "{\"a\": $_}\n" } 1 .. 100));
$node->safe_psql('postgres', q(
	CREATE FOREIGN TABLE late (a int, part int OPTIONS (metadata 'partition')) SERVER k
		OPTIONS (topic 'late', startup 'latest', workers '2');
	CREATE VIEW late_v AS SELECT count(*), sum(a) FROM late;
	CREATE VIEW late_p AS SELECT part, count(*) FROM late GROUP BY part;));
becomes($node, q(SELECT count(*) FROM weir.stat_kafka WHERE stream = 'late'::regclass AND state = 'running' AND position IS NOT NULL),
	'2', 'both partitions are read');
produce('late', join('', map { "{\"a\": $_}\n" } 1 .. 1000));
becomes($node, 'SELECT * FROM late_v', '1000|500500', 'only messages from now on');

my ($partitions, $count, $sum) = (2, 1000, 500500);

# A hundred messages to each partition, and what the view says then.
sub late_messages
{
	my ($name) = @_;
	produce('late', join('', map { "{\"a\": $_}\n" } 1 .. 100), '-p', $_) for 0 .. $partitions - 1;
	$count += 100 * $partitions;
	$sum += 5050 * $partitions;
	return becomes($node, 'SELECT count, sum FROM late_v', "$count|$sum", $name);
}

SKIP:
{
	skip 'the emulated broker cannot add partitions', 2 if emulated();
	$partitions = 4;
	topic('add-partitions', 'late', $partitions);
	late_messages('new partitions are found, and read from their beginning');
	is($node->safe_psql('postgres', 'SELECT count(*) FROM late_p'), '4', 'all four');
}
becomes($node, q(SELECT count(DISTINCT pid) FROM weir.stat_kafka WHERE stream = 'late'::regclass AND partition IS NOT NULL),
	'2', 'by two workers');

# One that does not leave yet: nobody else reads what is its own.
{
	my $slow = $node->safe_psql('postgres', q(SELECT DISTINCT pid FROM weir.stat_kafka WHERE stream = 'late'::regclass AND partition = 1));
	kill 'STOP', $slow;
	$node->safe_psql('postgres', qq(SET statement_timeout = '20s'; ALTER FOREIGN TABLE late OPTIONS (SET workers '@{[ emulated() ? 1 : 3 ]}')));
	produce('late', join('', map { "{\"a\": $_}\n" } 1 .. 100), '-p', 1);
	sleep 2;
	is($node->safe_psql('postgres', 'SELECT count FROM late_v'), $count, 'what another one may have in hand is not read');
	kill 'CONT', $slow;
	($count, $sum) = ($count + 100, $sum + 5050);
	becomes($node, 'SELECT count, sum FROM late_v', "$count|$sum", 'and read once when that one has left');
}
late_messages('another number of workers');
becomes($node, q(SELECT count(DISTINCT pid) FROM weir.stat_kafka WHERE stream = 'late'::regclass AND partition IS NOT NULL),
	emulated() ? '1' : '3', 'is in effect');

is($node->safe_psql('postgres', q(SELECT used <= peak, peak BETWEEN 1 AND "limit" FROM weir.stat_memory WHERE area = 'kafka')), 't|t',
	'what messages take is shown');

# Workers and servers that die.
$node->safe_psql('postgres', q(SELECT pg_terminate_backend(pid) FROM weir.stat_kafka WHERE stream = 'late'::regclass AND partition IS NULL));
late_messages('workers that were ended come back and count once');
$node->stop('immediate');
$node->start;
late_messages('so after a crash of the server');

# Brokers that go and come.
broker(emulated() ? ('command', 'down', 1) : 'kill');
becomes($node, q(SELECT DISTINCT state FROM weir.stat_kafka WHERE stream = 'late'::regclass AND partition IS NULL),
	'unreachable', 'a broker that is gone is seen');
is($node->safe_psql('postgres', 'SELECT count FROM late_v'), $count, 'the server answers');
$node->safe_psql('postgres', q(SELECT pg_terminate_backend(pid) FROM weir.stat_kafka WHERE stream = 'late'::regclass AND partition IS NULL));
becomes($node, q(SELECT string_agg(DISTINCT state, ',') FROM weir.stat_kafka WHERE stream = 'late'::regclass AND partition IS NOT NULL),
	'unreachable', 'also of partitions whose worker never reached it');
broker(emulated() ? ('command', 'up', 1) : 'restart');
late_messages('and consumed again when it is back');
becomes($node, q(SELECT DISTINCT state FROM weir.stat_kafka WHERE stream = 'late'::regclass), 'running', 'the state says so');

# Offsets that are not on the broker any more.
SKIP:
{
	skip 'the emulated broker cannot delete records', 5 if emulated();
	topic('create', 'gone', 1);
	produce('gone', join('', map { "{\"a\": $_}\n" } 1 .. 10));
	$node->safe_psql('postgres', q(
		CREATE FOREIGN TABLE gone (a int) SERVER k OPTIONS (topic 'gone');
		CREATE VIEW gone_v AS SELECT count(*), sum(a) FROM gone;));
	becomes($node, 'SELECT * FROM gone_v', '10|55', 'ten messages');
	$node->stop;
	produce('gone', join('', map { "{\"a\": $_}\n" } 1 .. 10));
	topic('delete-records', 'gone', 0, 15);
	$node->start;
	becomes($node, q(SELECT reason FROM weir.source_stopped WHERE stream = 'gone'::regclass),
		'offset 10 of partition 0 of topic "gone" is not on the broker, which has 15 to 20', 'a gap stops the stream');
	is($node->safe_psql('postgres', 'SELECT * FROM gone_v'), '10|55', 'nothing past it counts');
	$node->safe_psql('postgres', q(ALTER FOREIGN TABLE gone OPTIONS (ADD on_error 'skip'); SELECT weir.resume('gone')));
	becomes($node, 'SELECT * FROM gone_v', '15|95', 'with on_error skip it goes on behind the gap');
	becomes($node, q(SELECT "offset", message FROM weir.dead_letters WHERE stream = 'gone'::regclass),
		'10|offset 10 of partition 0 of topic "gone" is not on the broker, which has 15 to 20', 'and a dead letter tells of it');
}

# Views and stored offsets move together: everything stored is everything counted.
is($node->safe_psql('postgres', q(SELECT (SELECT sum(next_offset) FROM weir.source_offsets WHERE stream = 'late'::regclass) - 100 - (SELECT count FROM late_v))),
	'0', 'offsets and views agree');

$node->stop;
done_testing();
