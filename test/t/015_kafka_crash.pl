# kill -9 of everything, the Kafka worker and the broker included: every row and every message counts once.
# WEIR_ROUNDS: how often (make torture sets it).
use strict;
use warnings;
use Cwd 'abs_path';
use File::Basename;
use PostgreSQL::Test::Utils;
use WeirTest;
use Test::More;

my $broker_sh = abs_path(dirname(__FILE__) . '/../kafka/broker.sh');
my $dir = PostgreSQL::Test::Utils::tempdir;
ok(system($broker_sh, 'start', $dir) == 0, 'a broker runs');
my $node = weir_cluster('kafka_crash');
ok(python($node, 'kafka_crash.py', $node->data_dir, $node->logfile, $ENV{WEIR_ROUNDS} || 14, $ENV{WEIR_SEED} || '', $broker_sh, $dir),
	'the rounds end well');
$node->stop('fast');
done_testing();

END
{
	my $exit = $?;
	system($broker_sh, 'stop', $dir) if $dir;
	$? = $exit;
}
