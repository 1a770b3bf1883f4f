# DDL under load: no deadlock, no wrong count, no error on the inserters.
# WEIR_SECONDS: how long (make torture sets it).
use strict;
use warnings;
use WeirTest;
use Test::More;

my $node = weir_cluster('ddl_load', conf => "deadlock_timeout = '100ms'\nlog_lock_waits = off");
ok(python($node, 'ddl_load.py', $ENV{WEIR_SECONDS} || 20), 'the script ends well');
my $log = PostgreSQL::Test::Utils::slurp_file($node->logfile);
unlike($log, qr/deadlock detected/, 'no deadlock');
is($node->safe_psql('postgres', q(SELECT count(*) FROM weir.views WHERE state <> 'active')), '0', 'no view is suspended');
$node->stop;
done_testing();
