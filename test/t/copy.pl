# COPY into a stream: all its forms, all or nothing, and a big one in bounded memory.
use strict;
use warnings;
use IPC::Run;
use PostgreSQL::Test::Utils;
use WeirTest;
use Test::More;

my $node = weir_cluster('copy', conf => "weir.memory = '64MB'\nshared_buffers = '16MB'");
my $dir = PostgreSQL::Test::Utils::tempdir;
$node->safe_psql('postgres', q(
	CREATE FOREIGN TABLE s (k int, t text DEFAULT 'none', x numeric) SERVER weir;
	CREATE TABLE p (k int, t text DEFAULT 'none', x numeric);
	CREATE VIEW v AS SELECT k, t, count(*), sum(x), count(arrival_timestamp) AS arrived FROM s GROUP BY k, t;
	INSERT INTO p SELECT i % 10, CASE WHEN i % 3 > 0 THEN E'a,"b"\t' || i % 7 END, i / 8.0 FROM generate_series(1, 1000) i));
$node->safe_psql('postgres', "COPY p TO '$dir/text'; COPY p TO '$dir/csv' CSV HEADER; COPY p TO '$dir/binary' BINARY;
	COPY p (x, k) TO '$dir/columns'");

my $all = 'SELECT k, t, count(*), sum(x), count(*) FROM p GROUP BY k, t';
my $columns = q(SELECT k, 'none', count(*), sum(x), count(*) FROM p GROUP BY k);
for (
	[ 'text file', "COPY s FROM '$dir/text'", $all ],
	[ 'csv file', "COPY s FROM '$dir/csv' CSV HEADER", $all ],
	[ 'binary file', "COPY s FROM '$dir/binary' BINARY", $all ],
	[ 'program', "COPY s FROM PROGRAM 'cat $dir/csv' CSV HEADER", $all ],
	[ 'stdin', "\\copy s FROM '$dir/text'", $all ],
	[ 'column list', "COPY s (x, k) FROM '$dir/columns'", $columns ],
	[ 'with WHERE', "COPY s FROM '$dir/text' WHERE k > 4", "SELECT * FROM ($all) a WHERE k > 4" ],
	[ 'with FREEZE off and NULL AS', "COPY s FROM '$dir/csv' (FORMAT csv, HEADER, NULL '')", $all ])
{
	my ($name, $copy, $batch) = @$_;
	$node->safe_psql('postgres', q(SELECT weir.truncate('v')));
	$node->safe_psql('postgres', $copy);
	same($node, 'SELECT * FROM v', $batch, "COPY: $name");
}

# A client that names the arrival time keeps it.
$node->safe_psql('postgres', q(
	CREATE VIEW arrivals AS SELECT arrival_timestamp AS a, count(*) FROM s GROUP BY a;
	SELECT weir.flush();
	COPY s (k, arrival_timestamp) FROM PROGRAM 'printf "1\t2020-01-01 00:00:00+00\n"'));
is($node->safe_psql('postgres', 'SELECT * FROM arrivals'), '2020-01-01 00:00:00+00|1', 'arrival_timestamp given');

my $n = $node->safe_psql('postgres', 'SELECT sum(count) FROM v');
my ($status, undef, $err) = $node->psql('postgres', q(COPY s FROM PROGRAM 'seq 1 100000; echo wrong' (FORMAT csv)));
isnt($status, 0, 'a bad line is an error');
like($err, qr/COPY s, line 1:|COPY s, line 100001/, 'with its line');
flush($node);
is($node->safe_psql('postgres', 'SELECT sum(count) FROM v'), $n, 'and no row of that COPY counts');
($status, undef, $err) = $node->psql('postgres', 'COPY s TO STDOUT');
isnt($status, 0, 'COPY TO is refused');
like($err, qr/HINT/, 'with a hint');

# Two million rows, 400 MB, in one transaction: neither the session nor shared memory may hold them.
my $rows = 2_000_000;
$node->safe_psql('postgres', q(
	CREATE FOREIGN TABLE big (k int, x bigint, pad text) SERVER weir;
	CREATE VIEW big_v AS SELECT k, count(*), sum(x), max(pad) FROM big GROUP BY k));
my ($out, $error) = ('', '');
my $copy = IPC::Run::start(
	[ 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'), '-c',
		q(COPY big FROM PROGRAM 'awk "BEGIN { p = sprintf(\"%0180d\", 7); for (i = 1; i <= 2000000; i++) print i % 1000 \"\t\" i \"\t\" p }"') ],
	'<', \undef, '>', \$out, '2>', \$error);
my $peak = 0;
while ($copy->pumpable)
{
	for my $pid (split /\n/, $node->safe_psql('postgres',
			q(SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' OR backend_type LIKE 'weir %')))
	{
		my $text = eval { PostgreSQL::Test::Utils::slurp_file("/proc/$pid/status") } || '';
		$peak = $1 if $text =~ /VmHWM:\s+(\d+)/ && $1 > $peak;
	}
	IPC::Run::pump_nb($copy);
	select undef, undef, undef, 0.1;
}
ok($copy->finish, 'a big COPY ends well') or diag $error;
SKIP:
{
	skip 'a sanitizer needs memory of its own', 1 if $ENV{ASAN_OPTIONS};
	cmp_ok($peak, '<', 250 * 1024, "no process needed 250 MB for it ($peak kB)");
}
is($node->safe_psql('postgres', 'SELECT count(*), sum(count), sum(sum) FROM big_v'),
	join('|', 1000, $rows, $rows * ($rows + 1) / 2), 'every row of it counts');

$node->stop;
done_testing();
