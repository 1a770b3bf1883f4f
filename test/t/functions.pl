# Every function of schema weir with arguments that nobody would give it: a value or an error, nothing else, and another stream goes on.
use strict;
use warnings;
use WeirTest;
use Test::More;

my $node = weir_cluster('functions', conf => "log_line_prefix = '%m [%p] %b %e '\n");
ok(python($node, '../oracle/functions.py', '--seed', $ENV{WEIR_SEED} || 1, '--seconds', $ENV{WEIR_SECONDS} || 10, '--log', $node->logfile),
	'the caller ends well');
$node->stop;
done_testing();
