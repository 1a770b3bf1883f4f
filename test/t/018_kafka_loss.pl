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

sub stopped { return "SELECT reason FROM weir.kafka_stopped WHERE stream::oid = '$_[0]'::regclass"; }

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
sleep 2;
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
my $read = q(SELECT coalesce(sum(next_offset), 0) FROM weir.kafka_offsets WHERE stream::oid = 'idle'::regclass);
sub all_read { my ($name) = @_; return becomes($node, $read, 200 * $second, $name); }
both(20);
all_read('both partitions are read');
sql(q(ALTER SERVER other OPTIONS (SET bootstrap_servers '127.0.0.1:1')));
both(500);
sleep 2;
sql("ALTER SERVER other OPTIONS (SET bootstrap_servers '$bootstrap')");
all_read('after an outage');
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

produce('bystander', numbers(1, 10));
becomes($node, 'SELECT * FROM bystander_v', '10|55', 'another stream did not notice');
is(sql('SELECT count(*) FROM weir.dead_letters'), '0', 'no dead letters');

$node->stop;
done_testing();
