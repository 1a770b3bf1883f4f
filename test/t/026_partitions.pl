# Views in partitions: a long reader, a NULL key while one reads, a restart.
use strict;
use warnings;
use WeirTest;
use Test::More;

my $node = weir_cluster('partitions');
ok(python($node, 'partition_load.py', $ENV{WEIR_LOOPS} || 8), 'the script ends well');

# With a default partition, a long reader keeps others from being attached: rows go there.
$node->safe_psql('postgres', q(INSERT INTO s VALUES (NULL, 1)));
my $reader = $node->background_psql('postgres');
$reader->query_safe('BEGIN; SELECT count(*) FROM v');
$node->safe_psql('postgres', q(SELECT weir.advance_clock('1 day'); INSERT INTO s VALUES (weir.clock(), 1)));
is($node->safe_psql('postgres', q(SELECT count(*) FROM v_mrel_default)), '2', 'the new day is in the default partition');
$reader->query_safe('COMMIT');
$reader->quit;
$node->safe_psql('postgres', q(INSERT INTO s VALUES (weir.clock(), 2)));
is($node->safe_psql('postgres', q(SELECT count FROM v WHERE day = (SELECT max(day) FROM v))), '2', 'and stays there');
my $before = $node->safe_psql('postgres', 'SELECT * FROM v ORDER BY day');
$node->restart;
is($node->safe_psql('postgres', 'SELECT * FROM v ORDER BY day'), $before, 'the same after a restart');
$node->stop;
done_testing();
