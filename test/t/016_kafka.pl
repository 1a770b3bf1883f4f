# Kafka streams against a real broker: decoding, offsets, on_error, new partitions, brokers that go and come.
use strict;
use warnings;
use Cwd 'abs_path';
use File::Basename;
use IPC::Run;
use PostgreSQL::Test::Utils;
use WeirTest;
use Test::More;

my $broker_sh = abs_path(dirname(__FILE__) . '/../kafka/broker.sh');
my $dir = PostgreSQL::Test::Utils::tempdir;
my $node;

sub broker
{
	return system($broker_sh, @_) == 0 || die "broker.sh @_ failed";
}

sub produce
{
	my ($topic, $lines, @options) = @_;
	IPC::Run::run([ $broker_sh, 'produce', $dir, $topic, @options ], '<', \$lines)
	  or die "could not produce into $topic";
}

sub topic { broker('topic', 'create', $dir, @_); }

# One test: a query comes to this result within a minute.
sub becomes
{
	my ($query, $expected, $name) = @_;
	my $got = '';
	for (1 .. 600)
	{
		$got = $node->safe_psql('postgres', $query);
		last if $got eq $expected;
		select undef, undef, undef, 0.1;
	}
	return is($got, $expected, $name);
}

broker('start', $dir);
open my $kind, '<', "$dir/kind" or die;
note 'broker: ', <$kind>;
open my $address, '<', "$dir/bootstrap" or die;
chomp(my $bootstrap = <$address>);

$node = weir_cluster('kafka', conf => "weir.kafka_metadata_interval = 500\n");
$node->safe_psql('postgres',
	"CREATE SERVER k FOREIGN DATA WRAPPER weir OPTIONS (bootstrap_servers '$bootstrap')");

# Every kind of value, and what is missing.
topic('kinds', 1);
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
becomes('SELECT count(*) FROM kinds_v', 3, 'three messages of all kinds are there');
is($node->safe_psql('postgres', q(SET timezone = 'UTC'; SELECT i, t, n, b, f, ts, j, arr, texts, c, d, g FROM kinds_v ORDER BY off)),
	"1|a\x{c3}\x{a9}\n|12345678901234567890.5|t|1000|2026-01-02 03:04:05.678+00|{\"a\": [1, null]}|{1,2}|{x,NULL,\"y,z\"}|(1,why)|42|10\n"
	  . "3|1.50||f|NaN|2026-01-02 01:04:05+00|\"text\"|{3,4}|||7|30\n"
	  . '||||||||||42|',
	'values of all kinds');
is($node->safe_psql('postgres', q(SET timezone = 'UTC'; SELECT DISTINCT topic, part, at, key, headers, arrived FROM kinds_v)),
	'kinds|0|2023-11-14 22:13:20.123+00|key|{"h": "v"}|t', 'metadata');

# Bad messages go aside, once; the others count.
topic('bad', 2);
my $lines = join '', map { $_ % 100 == 7 ? "{\"a\": \"x$_\"}\n" : "{\"a\": $_}\n" } 1 .. 2000;
produce('bad', $lines, '-p', 0);
produce('bad', "\n", '-p', 1);
$node->safe_psql('postgres', q(
	CREATE FOREIGN TABLE bad (a int CHECK (a <> 1)) SERVER k OPTIONS (topic 'bad');
	CREATE VIEW bad_v AS SELECT count(*), sum(a) FROM bad;));
my $expected = join '|', 2000 - 21, eval { my $s = 0; $s += $_ for grep { $_ % 100 != 7 && $_ != 1 } 1 .. 2000; $s };
becomes('SELECT * FROM bad_v', $expected, 'good messages between bad ones count');
becomes(q(SELECT sqlstate, count(*), count(DISTINCT ("partition", "offset")) FROM weir.dead_letters
	WHERE stream = 'bad'::regclass GROUP BY 1 ORDER BY 1), "22P02|21|21\n23514|1|1", 'bad ones are dead letters, once each');
is($node->safe_psql('postgres', q(SELECT convert_from(payload, 'UTF8'), message FROM weir.dead_letters
	WHERE stream = 'bad'::regclass AND "offset" = 6 AND partition = 0)),
	'{"a": "x7"}|column "a": invalid input syntax for type integer: "x7"', 'with payload and reason');

# Tombstones.
topic('tomb', 1);
produce('tomb', "0\tk1\t{\"a\":1}\n0\tk1\t\\N\n", '-f');
$node->safe_psql('postgres', q(
	CREATE FOREIGN TABLE tomb_key (a int, key text OPTIONS (metadata 'key')) SERVER k OPTIONS (topic 'tomb');
	CREATE VIEW tomb_key_v AS SELECT key, count(*), count(a) AS a FROM tomb_key GROUP BY key;
	CREATE FOREIGN TABLE tomb (a int) SERVER k OPTIONS (topic 'tomb', on_error 'skip');
	CREATE VIEW tomb_v AS SELECT count(*) FROM tomb;));
becomes('SELECT * FROM tomb_key_v', 'k1|2|1', 'a tombstone is a row of a stream that takes keys');
becomes('SELECT * FROM tomb_v', '1', 'and skipped in one that does not');
becomes(q(SELECT errors FROM weir.stat_kafka WHERE stream = 'tomb'::regclass AND partition IS NULL), '1', 'and counted');

# on_error 'stop': nothing past the message is consumed, until somebody says so.
topic('stop', 1);
produce('stop', "{\"a\": 1}\n{\"a\": 2}\nbad\n{\"a\": 3}\n");
$node->safe_psql('postgres', q(
	CREATE FOREIGN TABLE stop (a int) SERVER k OPTIONS (topic 'stop', on_error 'stop');
	CREATE VIEW stop_v AS SELECT count(*), sum(a) FROM stop;));
becomes(q(SELECT reason FROM weir.kafka_stopped WHERE stream = 'stop'::regclass),
	'message at offset 2 of partition 0 of topic "stop" cannot be decoded: message is not valid JSON: Token "bad" is invalid.',
	'the stream is stopped with its reason');
becomes('SELECT * FROM stop_v', '2|3', 'messages before it count');
$node->restart;
is($node->safe_psql('postgres', 'SELECT count(*) FROM weir.kafka_stopped'), '1', 'the reason survives a restart');
is($node->safe_psql('postgres', q(SELECT DISTINCT state FROM weir.stat_kafka WHERE stream = 'stop'::regclass AND pid IS NOT NULL)),
	'', 'no worker runs');
$node->safe_psql('postgres', q(ALTER FOREIGN TABLE stop OPTIONS (SET on_error 'dead_letter'); SELECT weir.resume('stop')));
becomes('SELECT * FROM stop_v', '3|6', 'it goes on after weir.resume');

# startup 'latest', new partitions, several workers.
topic('late', 2);
produce('late', join('', map { "{\"a\": $_}\n" } 1 .. 100));
$node->safe_psql('postgres', q(
	CREATE FOREIGN TABLE late (a int, part int OPTIONS (metadata 'partition')) SERVER k
		OPTIONS (topic 'late', startup 'latest', workers '2');
	CREATE VIEW late_v AS SELECT count(*), sum(a) FROM late;
	CREATE VIEW late_p AS SELECT part, count(*) FROM late GROUP BY part;));
becomes(q(SELECT count(*) FROM weir.stat_kafka WHERE stream = 'late'::regclass AND state = 'running' AND position IS NOT NULL),
	'2', 'both partitions are read');
produce('late', join('', map { "{\"a\": $_}\n" } 1 .. 1000));
becomes('SELECT * FROM late_v', '1000|500500', 'only messages from now on');
broker('topic', 'add-partitions', $dir, 'late', 4);
produce('late', join('', map { "{\"a\": $_}\n" } 1 .. 100), '-p', $_) for 0 .. 3;
becomes('SELECT count, sum FROM late_v', '1400|520700', 'new partitions are found, and read from their beginning');
is($node->safe_psql('postgres', 'SELECT count(*) FROM late_p'), '4', 'all four');
is($node->safe_psql('postgres', q(SELECT count(DISTINCT pid) FROM weir.stat_kafka WHERE stream = 'late'::regclass AND partition IS NOT NULL)),
	'2', 'by two workers');
$node->safe_psql('postgres', q(ALTER FOREIGN TABLE late OPTIONS (SET workers '3')));
produce('late', join('', map { "{\"a\": $_}\n" } 1 .. 100), '-p', $_) for 0 .. 3;
becomes('SELECT count, sum FROM late_v', '1800|540900', 'another number of workers');
becomes(q(SELECT count(DISTINCT pid) FROM weir.stat_kafka WHERE stream = 'late'::regclass AND partition IS NOT NULL),
	'3', 'is in effect');

# Workers and servers that die.
$node->safe_psql('postgres', q(SELECT pg_terminate_backend(pid) FROM weir.stat_kafka WHERE stream = 'late'::regclass AND partition IS NULL));
produce('late', join('', map { "{\"a\": $_}\n" } 1 .. 100), '-p', $_) for 0 .. 3;
becomes('SELECT count, sum FROM late_v', '2200|561100', 'workers that were ended come back and count once');
$node->stop('immediate');
$node->start;
produce('late', join('', map { "{\"a\": $_}\n" } 1 .. 100), '-p', $_) for 0 .. 3;
becomes('SELECT count, sum FROM late_v', '2600|581300', 'so after a crash of the server');

# Brokers that go and come.
broker('kill', $dir);
becomes(q(SELECT DISTINCT state FROM weir.stat_kafka WHERE stream = 'late'::regclass AND partition IS NULL),
	'unreachable', 'a broker that is gone is seen');
is($node->safe_psql('postgres', 'SELECT count FROM late_v'), '2600', 'the server answers');
broker('restart', $dir);
produce('late', join('', map { "{\"a\": $_}\n" } 1 .. 100), '-p', $_) for 0 .. 3;
becomes('SELECT count, sum FROM late_v', '3000|601500', 'and consumed again when it is back');
becomes(q(SELECT DISTINCT state FROM weir.stat_kafka WHERE stream = 'late'::regclass), 'running', 'the state says so');

# Offsets that are not on the broker any more.
topic('gone', 1);
produce('gone', join('', map { "{\"a\": $_}\n" } 1 .. 10));
$node->safe_psql('postgres', q(
	CREATE FOREIGN TABLE gone (a int) SERVER k OPTIONS (topic 'gone');
	CREATE VIEW gone_v AS SELECT count(*), sum(a) FROM gone;));
becomes('SELECT * FROM gone_v', '10|55', 'ten messages');
$node->stop;
produce('gone', join('', map { "{\"a\": $_}\n" } 1 .. 10));
broker('topic', 'delete-records', $dir, 'gone', 0, 15);
$node->start;
becomes(q(SELECT reason FROM weir.kafka_stopped WHERE stream = 'gone'::regclass),
	'offset 10 of partition 0 of topic "gone" is not on the broker, which has 15 to 20', 'a gap stops the stream');
is($node->safe_psql('postgres', 'SELECT * FROM gone_v'), '10|55', 'nothing past it counts');
$node->safe_psql('postgres', q(ALTER FOREIGN TABLE gone OPTIONS (ADD on_error 'skip'); SELECT weir.resume('gone')));
becomes('SELECT * FROM gone_v', '15|95', 'with on_error skip it goes on behind the gap');
becomes(q(SELECT "offset", message FROM weir.dead_letters WHERE stream = 'gone'::regclass),
	'10|offset 10 of partition 0 of topic "gone" is not on the broker, which has 15 to 20', 'and a dead letter tells of it');

# Views and stored offsets move together: everything stored is everything counted.
is($node->safe_psql('postgres', q(SELECT (SELECT sum(next_offset) FROM weir.kafka_offsets WHERE stream = 'late'::regclass) - 100 - (SELECT count FROM late_v))),
	'0', 'offsets and views agree');

$node->stop;
done_testing();

END
{
	my $exit = $?;
	system($broker_sh, 'stop', $dir) if $dir;
	$? = $exit;
}
