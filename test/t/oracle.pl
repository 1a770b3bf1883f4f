# Random rows in random transactions: every view equals its query over a table with the same rows.
use strict;
use warnings;
use WeirTest;
use Test::More;

my $node = weir_cluster('oracle');
ok(python($node, 'oracle.py', $ENV{WEIR_SEED} || ''), 'the generator ends well');
is($node->safe_psql('postgres', 'SELECT count(*) FROM weir.dead_letters'), '0', 'no dead letters');
$node->stop;
done_testing();
