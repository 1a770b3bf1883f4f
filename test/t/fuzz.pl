# CREATE VIEW statements that are mostly wrong: no internal error, no crash.  WEIR_SECONDS: how long, WEIR_SEED: another seed.
use strict;
use warnings;
use WeirTest;
use Test::More;

my $node = weir_cluster('fuzz', conf => "log_line_prefix = '%m [%p] %b %e '\n" . beside());
ok(python($node, '../oracle/fuzz.py', '--seed', $ENV{WEIR_SEED} || 1, '--seconds', $ENV{WEIR_SECONDS} || 15, '--log', $node->logfile),
	'the fuzzer ends well');
$node->stop;
done_testing();
