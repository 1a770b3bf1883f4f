# Random streams, rows, transactions and queries: every view equals its query over a table with the same rows.
# test/oracle/README.md says more.  WEIR_SEED: another seed than the usual; WEIR_SECONDS: how long.
use strict;
use warnings;
use WeirTest;
use Test::More;

my $node = weir_cluster('random', conf => "log_line_prefix = '%m [%p] %b %e '\nweir.memory = '16MB'\n");
ok(python($node, '../oracle/random_views.py', '--seed', $ENV{WEIR_SEED} || 1, '--seconds', $ENV{WEIR_SECONDS} || 90, '--least', 60, '--kill',
	'--datadir', $node->data_dir, '--log', $node->logfile, '--out', $node->basedir . '/out', '--shrink', 120), 'the tester ends well');
$node->stop('fast');
done_testing();
