# CREATE OR REPLACE VIEW under load: each row counts once, in the columns it has to.
# WEIR_LOOPS: how many columns are added.
use strict;
use warnings;
use WeirTest;
use Test::More;

my $node = weir_cluster('replace', conf => "deadlock_timeout = '100ms'");
ok(python($node, 'replace_load.py', $ENV{WEIR_LOOPS} || 6), 'the script ends well');
is($node->safe_psql('postgres', q(SELECT count(*) FROM weir.views WHERE state <> 'active')), '0', 'no view is suspended');
my $before = $node->safe_psql('postgres', 'TABLE total');
$node->restart;
is($node->safe_psql('postgres', 'TABLE total'), $before, 'the same after a restart');
$node->safe_psql('postgres', 'INSERT INTO s VALUES (1, 1)');
is($node->safe_psql('postgres', 'SELECT count, c1 FROM by_id WHERE id = 1'), '1|1', 'and rows go on counting');
$node->stop;
done_testing();
