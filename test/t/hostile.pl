# Hostile and careless functions, DDL and locks: another stream and view of the database goes on.
# WEIR_HOSTILE=all runs all cases, and takes six minutes; else one or two of each kind.
use strict;
use warnings;
use WeirTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = weir_cluster('hostile', conf => "weir.query_timeout = 1s\nmax_worker_processes = 32");
ok(python($node, 'hostile.py', ($ENV{WEIR_HOSTILE} || '') eq 'all' ? () : ('short')), 'hostile.py ended');
$node->stop('fast');
done_testing();
