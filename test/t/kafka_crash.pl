# kill -9 of everything, the Kafka worker and the broker included: every row and every message counts once.
# WEIR_ROUNDS: how often (make torture sets it).
use strict;
use warnings;
use KafkaTest;
use WeirTest;
use Test::More;

my (undef, $dir, $broker_sh) = start_broker();
my $node = weir_cluster('kafka_crash');
ok(python($node, 'kafka_crash.py', $node->data_dir, $node->logfile, $ENV{WEIR_ROUNDS} || 14, $ENV{WEIR_SEED} || '', $broker_sh, $dir),
	'the rounds end well');
$node->stop('fast');
done_testing();
