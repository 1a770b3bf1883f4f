# All views move together: no snapshot shows one ahead of another.
use strict;
use warnings;
use WeirTest;
use Test::More;

my $node = weir_cluster('snapshot', conf => "weir.flush_interval = '5ms'");
ok(python($node, 'snapshot.py', 10), 'the reader ends well');
$node->stop;
done_testing();
