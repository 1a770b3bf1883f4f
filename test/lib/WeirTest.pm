# What the TAP tests of Weir share: a server with weir, waiting without blind sleeps, and the oracle.
package WeirTest;

use strict;
use warnings;
use Exporter 'import';
use File::Basename;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(weir_cluster beside flush same worker_pid wait_for_worker kill_worker python);

my $lib = dirname(__FILE__);

# A started server with extension weir in database postgres.
#   conf => lines for postgresql.conf;  init => [ arguments of init ];  data => where its data directory shall be
sub weir_cluster
{
	my ($name, %opt) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	if ($opt{data})
	{
		mkdir $opt{data}, 0700 or die "$opt{data}: $!";
		symlink $opt{data}, $node->data_dir or die $node->data_dir . ": $!";
	}
	$node->init(extra => [ '--encoding=UTF8', '--no-locale' ], @{ $opt{init} || [] });
	$node->append_conf('postgresql.conf', $opt{conf}) if $opt{conf};
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION weir');
	return $node;
}

# Lines for postgresql.conf: extensions that read others' statements, where the server has them.
sub beside
{
	my $lib = `pg_config --pkglibdir`;
	chomp $lib;
	return -e "$lib/pg_stat_statements.so" && -e "$lib/auto_explain.so" ? slurp_file(dirname(__FILE__) . '/../beside.conf') : '';
}

# Returns when everything committed so far is visible in the views.
sub flush
{
	my ($node, $db) = @_;
	$node->safe_psql($db || 'postgres', 'SELECT weir.flush()');
}

# One test: two queries give the same rows, counted with duplicates, in one snapshot.
sub same
{
	my ($node, $got, $expected, $name, $db) = @_;
	my $diff = $node->safe_psql($db || 'postgres', qq(
		WITH got AS MATERIALIZED ($got), expected AS MATERIALIZED ($expected)
		SELECT 'only in view:  ' || a::text FROM (TABLE got EXCEPT ALL TABLE expected) a
		UNION ALL
		SELECT 'only in batch: ' || b::text FROM (TABLE expected EXCEPT ALL TABLE got) b
		LIMIT 10));
	return is($diff, '', $name);
}

# The process of the worker of a type ('weir flush worker') in a database; undef when there is none.
sub worker_pid
{
	my ($node, $type, $db) = @_;
	my $where = $db ? "AND datname = '$db'" : '';
	my $pid = $node->safe_psql('postgres',
		"SELECT pid FROM pg_stat_activity WHERE backend_type = '$type' $where ORDER BY pid LIMIT 1");
	return $pid eq '' ? undef : $pid;
}

sub wait_for_worker
{
	my ($node, $type, $db) = @_;
	my $where = $db ? "AND datname = '$db'" : '';
	$node->poll_query_until('postgres',
		"SELECT count(*) > 0 FROM pg_stat_activity WHERE backend_type = '$type' $where")
	  or die "no $type";
	return worker_pid($node, $type, $db);
}

# Signal a worker, and wait until it (this process) is gone.
sub kill_worker
{
	my ($node, $signal, $type, $db) = @_;
	my $pid = wait_for_worker($node, $type, $db);
	kill $signal, $pid;
	for (1 .. 1200)
	{
		return $pid unless kill 0, $pid;
		select undef, undef, undef, 0.05;
	}
	die "$type $pid does not end on signal $signal";
}

# Run a Python script of test/lib against the server.  Its lines "ok X" and "not ok X" become tests.
# Returns true when it ended well.
sub python
{
	my ($node, $script, @args) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($stdout, $stderr) = ('', '');
	my $ok = IPC::Run::run([ 'python3', '-B', "$lib/$script", $node->connstr('postgres'), @args ],
		'>', \$stdout, '2>', \$stderr);
	for (split /\n/, $stdout)
	{
		if (/^(not )?ok (.*)/) { ok(!$1, $2) }
		else { note $_ }
	}
	diag $stderr if $stderr ne '';
	return $ok;
}

1;
