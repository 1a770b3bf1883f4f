# Faults that a real broker cannot be made to show, on librdkafka's emulation of three brokers: error codes in
# answers, slow and vanishing brokers, leaders that move.  Whatever happens, each message counts once.
use strict;
use warnings;
use KafkaTest;
use WeirTest;
use Test::More;

# Numbers of the Kafka protocol.
my %api = (fetch => 1, list_offsets => 2, metadata => 3);
my %error = (
	unknown => -1, offset_out_of_range => 1, unknown_topic => 3, leader_not_available => 5, not_leader => 6,
	timed_out => 7, storage => 56, fenced_leader_epoch => 74);
my $partitions = 2;
my ($count, $sum) = (0, 0);

my ($bootstrap) = start_broker(brokers => 3);
my $node = weir_cluster('kafka_faults', conf => "weir.kafka_metadata_interval = 500\n");
topic('create', 'faults', $partitions);
broker('command', 'leader', 'faults', $_, $_ + 1) for 0 .. $partitions - 1;
$node->safe_psql('postgres', qq(
	CREATE SERVER k FOREIGN DATA WRAPPER weir OPTIONS (bootstrap_servers '$bootstrap');
	CREATE FOREIGN TABLE faults (a int, part int OPTIONS (metadata 'partition'), off bigint OPTIONS (metadata 'offset'))
		SERVER k OPTIONS (topic 'faults', "kafka.reconnect.backoff.ms" '20', "kafka.reconnect.backoff.max.ms" '200',
			"kafka.retry.backoff.ms" '20', "kafka.topic.metadata.refresh.interval.ms" '500');
	CREATE VIEW faults_v AS SELECT count(*), sum(a) FROM faults;
	CREATE VIEW offsets AS SELECT part, off, count(*) FROM faults GROUP BY part, off;));

sub send_messages
{
	for my $partition (0 .. $partitions - 1)
	{
		produce('faults', join('', map { "{\"a\": $_}\n" } 1 .. 500), '-p', $partition);
		$count += 500;
		$sum += 125250;
	}
	return;
}

sub all_count
{
	my ($name) = @_;
	becomes($node, 'SELECT * FROM faults_v', "$count|$sum", $name) or die "no use going on";
	is($node->safe_psql('postgres', 'SELECT count(*) FROM offsets WHERE count <> 1'), '0', '... and none twice');
	return;
}

send_messages();
all_count('messages count');

# A topic of many partitions: all are shown, and those of others as before.
topic('create', 'many', 600);
$node->safe_psql('postgres', q(
	CREATE FOREIGN TABLE many (a int) SERVER k OPTIONS (topic 'many');
	CREATE VIEW many_v AS SELECT count(*) FROM many;));
produce('many', "{\"a\": 1}\n", '-p', 599);
becomes($node, 'SELECT * FROM many_v', '1', 'the last of many partitions is read');
is($node->safe_psql('postgres', q(SELECT stream, count(*), count(DISTINCT partition) FROM weir.stat_kafka GROUP BY 1 ORDER BY 1)),
	"faults|3|2\nmany|601|600", 'and all are shown');
becomes($node, q(SELECT count(*) FROM weir.stat_kafka WHERE stream = 'many'::regclass AND lag = 0), '600', 'none lags, empty ones included');
$node->safe_psql('postgres', 'DROP FOREIGN TABLE many CASCADE');

# A code in some answers, alone or many in a row.  Out-of-range is no such fault: it stops the stream.
for my $code (grep { $_ ne 'offset_out_of_range' } sort keys %error)
{
	for my $request (sort keys %api)
	{
		broker('command', 'error', $api{$request}, $error{$code}, 3);
	}
	send_messages();
	all_count("answers with error $code");
	broker('command', 'clear', $_) for values %api;
}

# An answer that says "out of range" of an offset that is there: what the broker has is asked, and is right.
broker('command', 'error', $api{fetch}, $error{offset_out_of_range}, 1);
send_messages();
all_count('a wrong "out of range"');
is($node->safe_psql('postgres', 'SELECT count(*) FROM weir.source_stopped'), '0', 'does not stop the stream');

# Slow brokers: a second for each answer.
broker('command', 'rtt', $_, 1000) for 1 .. 3;
send_messages();
all_count('slow brokers');
broker('command', 'rtt', $_, 0) for 1 .. 3;

# A leader moves while messages are read, several times.
for my $round (1 .. 6)
{
	broker('command', 'leader', 'faults', $round % $partitions, 1 + $round % 3);
	send_messages();
}
all_count('leaders that move');

# A broker vanishes and comes back; then all do.
for my $down ([1], [2], [ 1, 2, 3 ])
{
	broker('command', 'down', $_) for @$down;
	if (@$down == 3)
	{
		becomes($node, q(SELECT count(*) > 0 FROM weir.stat_kafka WHERE state = 'unreachable'), 't', 'vanished brokers are seen');
		is($node->safe_psql('postgres', q(SELECT freshness > 0 FROM weir.stat_view WHERE name = 'faults_v')), 't', 'and the view is not fresh');
		becomes($node, q(SELECT object, problem FROM weir.health()), 'public.faults|topic_not_read', 'weir.health() says so');
	}
	is($node->safe_psql('postgres', 'SELECT count FROM faults_v'), $count, 'the server answers without broker ' . join ' ', @$down);
	broker('command', 'up', $_) for @$down;
	send_messages();
	all_count('all is taken in when it is back');
}

# A topic that may not be read any more, and then again.
broker('command', 'topic-error', 'faults', 29);
becomes($node, q(SELECT count(*) > 0 FROM weir.stat_kafka WHERE state <> 'running' AND last_error ~* 'authoriz'), 't',
	'a topic that may not be read shows its error');
is($node->safe_psql('postgres', 'SELECT count FROM faults_v'), $count, 'the server answers');
broker('command', 'topic-error', 'faults', 0);
send_messages();
all_count('it goes on when it may');
becomes($node, 'SELECT DISTINCT state FROM weir.stat_kafka', 'running', 'the state says so');
is($node->safe_psql('postgres', 'SELECT max(freshness) FROM weir.stat_view'), '0', 'the views are fresh');
is($node->safe_psql('postgres', 'SELECT * FROM weir.health()'), '', 'and all is well');

is($node->safe_psql('postgres', q(SELECT sum(next_offset) - (SELECT count FROM faults_v) FROM weir.source_offsets)),
	'0', 'offsets and views agree');
is($node->safe_psql('postgres', 'SELECT count(*) FROM weir.dead_letters'), '0', 'nothing went aside');

# A worker that asks in vain what the brokers have, and then there are none: it ends when the server does.
broker('command', 'error', $api{list_offsets}, $error{leader_not_available}, 1000);
broker('command', 'error', $api{fetch}, $error{offset_out_of_range}, 4);
becomes($node, q(SELECT count(*) > 0 FROM weir.stat_kafka WHERE state = 'unreachable'), 't', 'a question without an answer ends');
broker('command', 'down', $_) for 1 .. 3;
my $begun = time;
$node->stop;
cmp_ok(time - $begun, '<', 30, 'no worker waits for brokers when the server is stopped');
done_testing();
