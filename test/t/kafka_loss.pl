# Nothing of a topic is passed over in silence: marks of transactions, idle partitions with a backlog, other topics of the name.
use strict;
use warnings;
use KafkaTest;
use WeirTest;
use Test::More;

my ($bootstrap) = start_broker();
plan skip_all => 'the emulated broker has neither transactions nor deletes topics and records' if emulated();
my $node = weir_cluster('loss', conf => "weir.kafka_metadata_interval = 500\n");
sub sql { return $node->safe_psql('postgres', $_[0]); }

sql("CREATE SERVER k FOREIGN DATA WRAPPER weir OPTIONS (bootstrap_servers '$bootstrap');
	CREATE SERVER other FOREIGN DATA WRAPPER weir OPTIONS (bootstrap_servers '$bootstrap');");

# Lines {"a": first}, ..., {"a": last}.
sub numbers { my ($first, $last) = @_; return join '', map { "{\"a\": $_}\n" } $first .. $last; }

sub stopped { return "SELECT reason FROM weir.source_stopped WHERE stream::oid = '$_[0]'::regclass"; }

# The innocent bystander: another stream, of another topic.
topic('create', 'bystander', 1);
sql(q(CREATE FOREIGN TABLE bystander (a int) SERVER k OPTIONS (topic 'bystander', workers '1');
	CREATE VIEW bystander_v AS SELECT count(*), sum(a) FROM bystander));

# Transactions: marks, and what was rolled back, are no messages and no gap.
topic('create', 'tx', 1);
produce('tx', numbers(1, 5), '-x', $_) for qw(commit abort commit);
sql(q(CREATE FOREIGN TABLE tx (a int) SERVER k OPTIONS (topic 'tx'); CREATE VIEW tx_v AS SELECT count(*), sum(a) FROM tx));
becomes($node, 'SELECT * FROM tx_v', '10|30', 'what was committed counts');
produce('tx', numbers(1, 5), '-x', $_) for qw(abort abort);
my $tx = q(SELECT committed_offset, position, high_watermark, lag FROM weir.stat_kafka WHERE stream = 'tx'::regclass AND partition = 0);
becomes($node, $tx, '30|30|30|0', 'and the rest is passed');
# Left open by one producer, rolled back when the next one begins.
produce('tx', numbers(1, 5), '-x', 'open');
sleep 1;
is(sql($tx), '30|30|30|0', 'an open transaction is no lag');
produce('tx', numbers(1, 2), '-x', 'abort');
becomes($node, $tx, '39|39|39|0', 'nor when it has ended');
topic('delete-records', 'tx', 0, 39);
$node->restart;
produce('tx', numbers(6, 7), '-x', 'commit');
becomes($node, 'SELECT * FROM tx_v', '12|43', 'when retention has removed all of them it goes on');
is(sql(stopped('tx')), '', 'without a stop');

# A backlog is not idle, whatever was not read of it and why: no broker, nobody reading, a stop.
topic('create', 'idle', 2);
# The same rows for both partitions, 100 a second from this second on.
my $second = 0;
sub both
{
	my ($seconds) = @_;
	produce('idle', join('', map { my $t = $second + $_; map { "0\t\t{\"s\": $t}\n1\t\t{\"s\": $t}\n" } 1 .. 100 } 0 .. $seconds - 1), '-f');
	$second += $seconds;
}
sql(q(CREATE FOREIGN TABLE idle (s int, p int OPTIONS (metadata 'partition'),
		at timestamptz GENERATED ALWAYS AS (to_timestamp(1767225600 + s)) STORED)
	SERVER other OPTIONS (topic 'idle', event_time 'at', watermark '5 seconds', idle_timeout '1 second', on_error 'stop');
	CREATE VIEW idle_v WITH (emit = final) AS SELECT p, window_start, count(*) FROM idle, weir.tumble(at, '10 seconds') GROUP BY p, window_start;));
my $read = q(SELECT coalesce(sum(next_offset), 0) FROM weir.source_offsets WHERE stream::oid = 'idle'::regclass);
sub all_read { my ($name) = @_; return becomes($node, $read, 200 * $second, $name); }
both(20);
all_read('both partitions are read');
sql(q(ALTER SERVER other OPTIONS (SET bootstrap_servers '127.0.0.1:1')));
becomes($node, q(SELECT count(*) FROM weir.stat_kafka WHERE stream = 'idle'::regclass AND partition IS NULL AND state = 'unreachable'),
	'1', 'an outage');
both(500);
sleep 1;
sql("ALTER SERVER other OPTIONS (SET bootstrap_servers '$bootstrap')");
all_read('all is read after it');
is(sql('SELECT count(*) FROM weir.late_counts'), '0', 'no row is late');
# Partition 1 has nothing more: the windows close without it while partition 0 goes on (when both are silent, they stay).
my $closed = 'SELECT p, sum(count) FROM idle_v GROUP BY p ORDER BY p';
for (1 .. 60)
{
	produce('idle', "{\"s\": 10000}\n", '-p', 0);
	sleep 1;
	last if sql($closed) eq "0|52000\n1|52000";
}
is(sql($closed), "0|52000\n1|52000", 'and an idle partition is not waited for');

# Another topic has offsets of its own; so has the first, should it come back.
topic('create', 'first', 4);
topic('create', 'second', 2);
produce('first', join('', map { "$_\t\t{\"a\": 1, \"s\": 60}\n" } 0 .. 3), '-f');
produce('second', join('', map { "$_\t\t{\"a\": 100, \"s\": 1260}\n" } 0, 1), '-f');
sql(q(CREATE FOREIGN TABLE alt (a int, s int, at timestamptz GENERATED ALWAYS AS (to_timestamp(1767225600 + s)) STORED)
	SERVER k OPTIONS (topic 'first', event_time 'at');
	CREATE VIEW alt_v AS SELECT count(*), sum(a) FROM alt;));
my $watermark = q(SELECT extract(epoch FROM weir.watermark('alt'))::bigint - 1767225600, (SELECT count(*) FROM weir.watermarks WHERE stream::oid = 'alt'::regclass));
becomes($node, 'SELECT * FROM alt_v', '4|4', 'a topic');
becomes($node, $watermark, '60|5', 'its watermark');
sql(q(ALTER FOREIGN TABLE alt OPTIONS (SET topic 'second')));
becomes($node, 'SELECT * FROM alt_v', '6|204', 'another topic begins by startup');
becomes($node, $watermark, '1260|3', 'partitions that are no more do not hold the watermark');
produce('first', numbers(2, 2), '-p', 3);
sql(q(ALTER FOREIGN TABLE alt OPTIONS (SET topic 'first')));
becomes($node, 'SELECT * FROM alt_v', '7|206', 'the first one goes on where it stood');

# Offsets are those of a cluster.
topic('create', 'moved', 1);
produce('moved', numbers(1, 10));
my $elsewhere = other_cluster(sub { topic('create', 'moved', 1); produce('moved', numbers(101, 115)) });
sql("CREATE SERVER moving FOREIGN DATA WRAPPER weir OPTIONS (bootstrap_servers '$bootstrap');
	CREATE FOREIGN TABLE moved (a int) SERVER moving OPTIONS (topic 'moved', on_error 'skip');
	CREATE VIEW moved_v AS SELECT count(*), sum(a) FROM moved");
becomes($node, 'SELECT * FROM moved_v', '10|55', 'one cluster');
sub move { return sql("ALTER SERVER moving OPTIONS (SET bootstrap_servers '$_[0]')"); }
my $why = q(SELECT regexp_replace(reason, '"[^"]*"', 'X', 'g') FROM weir.source_stopped WHERE stream::oid = 'moved'::regclass);
my $other = 'offsets are stored of topic X of cluster X, but the brokers are those of cluster X';
move($elsewhere);
becomes($node, $why, $other, 'brokers of another cluster stop the stream');
move($bootstrap);
produce('moved', numbers(11, 11));
is(sql(q(SELECT weir.resume('moved'))), 't', 'a mistake');
becomes($node, 'SELECT * FROM moved_v', '11|66', 'has no consequence');
move($elsewhere);
becomes($node, $why, $other, 'another cluster on purpose');
my ($code, undef, $error) = $node->psql('postgres', q(SELECT weir.resume('moved', 'start')));
like($error, qr/cannot resume a stream from "start".*HINT:  Use 'earliest', 'latest' or 'stored'/s, 'resume takes three words');
sql(q(SELECT weir.resume('moved', 'earliest')));
becomes($node, 'SELECT * FROM moved_v', '26|1686', 'is read from the start');
move($bootstrap);
becomes($node, $why, $other, 'and back again');
sql(q(SELECT weir.resume('moved', 'latest')));
becomes($node, q(SELECT next_offset FROM weir.source_offsets WHERE stream::oid = 'moved'::regclass), '11', 'at the end');
produce('moved', numbers(12, 12));
becomes($node, 'SELECT * FROM moved_v', '27|1698', 'goes on there');

# A topic that is deleted and made anew, while it is read and while it is not.
my $n = 0;
my $count = 0;
for my $messages (5, 12, 30)
{
	my $away = $messages == 30;
	topic('create', 'anew', 2) if $n == 0;
	produce('anew', numbers(1, 12), '-p', $_) for $n == 0 ? (0, 1) : ();
	sql(q(CREATE FOREIGN TABLE anew (a int) SERVER k OPTIONS (topic 'anew'); CREATE VIEW anew_v AS SELECT count(*) FROM anew)) if $n++ == 0;
	$count = 24 if $n == 1;
	becomes($node, 'SELECT * FROM anew_v', $count, 'a topic is read');
	$node->stop if $away;
	topic('drop', 'anew');
	becomes($node, q(SELECT state FROM weir.stat_kafka WHERE stream = 'anew'::regclass AND partition IS NULL), 'no topic', 'it is away') unless $away;
	topic('create', 'anew', $messages == 30 ? 1 : 2);
	produce('anew', numbers(1, $messages), '-p', $_) for $away ? (0) : (0, 1);
	$node->start if $away;
	becomes($node, q(SELECT reason ~ 'is not on the broker|was deleted and created anew' FROM weir.source_stopped WHERE stream::oid = 'anew'::regclass),
		't', "made anew with $messages messages it stops the stream");
	is(sql('SELECT * FROM anew_v'), $count, 'nothing of it counts');
	sql(q(SELECT weir.resume('anew')));
	becomes($node, q(SELECT count(*) FROM weir.source_stopped WHERE stream::oid = 'anew'::regclass), '1', 'nor with weir.resume alone');
	sql(q(SELECT weir.resume('anew', 'earliest')));
	$count += $messages * ($away ? 1 : 2);
	becomes($node, 'SELECT * FROM anew_v', $count, 'but when that says where');
}
# on_error 'skip' never stops.
sql(q(ALTER FOREIGN TABLE anew OPTIONS (ADD on_error 'skip')));
topic('drop', 'anew');
topic('create', 'anew', 1);
produce('anew', numbers(1, 40));
becomes($node, 'SELECT * FROM anew_v', $count + 40, 'with on_error skip it is read anew');
becomes($node, q(SELECT message ~ 'is not on the broker|was deleted and created anew' FROM weir.dead_letters WHERE stream::oid = 'anew'::regclass),
	't', 'and a dead letter tells of it');

# Nobody reads: rows pass by.  A view counts from its creation, or from its activation on.
topic('create', 'passing', 2);
produce('passing', numbers(1, 5), '-p', $_) for 0, 1;
sql(q(CREATE FOREIGN TABLE passing (a int) SERVER k OPTIONS (topic 'passing', workers '2'); CREATE VIEW passing_v AS SELECT count(*) FROM passing));
becomes($node, 'SELECT * FROM passing_v', '10', 'a view reads from the start');
my $unread = q(SELECT count(unread_since), (SELECT count(pid) FROM weir.stat_kafka WHERE stream = 'passing'::regclass)
	FROM weir.source_offsets WHERE stream::oid = 'passing'::regclass);
sql(q(SELECT weir.deactivate('passing_v')));
becomes($node, $unread, '2|0', 'nobody reads the stream');
produce('passing', numbers(1, 100));
sql(q(SELECT weir.activate('passing_v')));
produce('passing', numbers(1, 3));
becomes($node, 'SELECT * FROM passing_v', '13', 'what came while its only view was inactive does not count');
sql(q(DROP VIEW passing_v));
becomes($node, $unread, '2|0', 'nobody reads it again');
produce('passing', numbers(1, 100));
sql(q(CREATE VIEW passing_v AS SELECT count(*) FROM passing));
produce('passing', numbers(1, 4));
becomes($node, 'SELECT * FROM passing_v', '4', 'nor does it in a view that is created later');

# The latest are those after CREATE VIEW, whenever the worker gets to the broker.
topic('create', 'latest', 2);
produce('latest', numbers(1, 10));
sql(q(ALTER SERVER other OPTIONS (SET bootstrap_servers '127.0.0.1:1');
	CREATE FOREIGN TABLE latest (a int) SERVER other OPTIONS (topic 'latest', startup 'latest', workers '2');
	CREATE FOREIGN TABLE later (a int) SERVER k OPTIONS (topic 'later', startup 'latest', on_error 'stop');
	CREATE VIEW latest_v AS SELECT count(*) FROM latest;
	CREATE VIEW later_v AS SELECT count(*) FROM later));
produce('latest', numbers(1, 3));
sql("ALTER SERVER other OPTIONS (SET bootstrap_servers '$bootstrap')");
becomes($node, 'SELECT * FROM latest_v', '3', 'startup latest goes by the time of CREATE VIEW');
becomes($node, q(SELECT state FROM weir.stat_kafka WHERE stream = 'later'::regclass), 'no topic', 'a topic that is not there yet');
topic('create', 'later', 1);
produce('later', numbers(1, 4));
becomes($node, 'SELECT * FROM later_v', '4', 'is read from its first message');

# Offsets are missing, as after the restore of a part of a dump.
produce('later', "none\n");
becomes($node, q(SELECT count(*), min(next_offset) FROM weir.source_stopped s JOIN weir.source_offsets o USING (stream) WHERE s.stream::oid = 'later'::regclass),
	'1|4', 'a stop');
sql(q(ALTER FOREIGN TABLE later OPTIONS (SET startup 'earliest'); DELETE FROM weir.source_offsets WHERE stream::oid = 'later'::regclass; SELECT weir.resume('later', 'latest')));
produce('later', numbers(1, 2));
becomes($node, 'SELECT * FROM later_v', '6', 'without offsets it goes on where weir.resume says');

produce('bystander', numbers(1, 10));
becomes($node, 'SELECT * FROM bystander_v', '10|55', 'another stream did not notice');
is(sql('SELECT count(*) FROM weir.dead_letters'), '1', 'no other dead letters');

$node->stop;
done_testing();
