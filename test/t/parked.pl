# A lock that the views of one stream need keeps nobody else waiting.
use strict;
use warnings;
use WeirTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = weir_cluster('parked', conf => "weir.memory = 16MB");
ok(python($node, 'parked.py'), 'parked.py ended');
$node->stop('fast');
done_testing();
