# weir.synchronous_insert, and what ends its wait: the flush, a cancel, a timeout, a terminate.
use strict;
use warnings;
use WeirTest;
use Test::More;

my $node = weir_cluster('sync');
wait_for_worker($node, 'weir flush worker', 'postgres');
ok(python($node, 'sync.py'), 'the script ends well');
$node->stop;
done_testing();
