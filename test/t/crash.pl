# kill -9 of any process at any time: acknowledged rows count exactly once, others at most once.
# WEIR_ROUNDS: how often (make torture sets it).
use strict;
use warnings;
use WeirTest;
use Test::More;

my $node = weir_cluster('crash');
ok(python($node, 'crash.py', $node->data_dir, $node->logfile, $ENV{WEIR_ROUNDS} || 32, $ENV{WEIR_SEED} || ''),
	'the rounds end well');
$node->stop('fast');
done_testing();
