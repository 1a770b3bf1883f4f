# Large states and many values: workers take a few times a state's size of memory, bad rows beside it add nothing to that,
# a group that cannot be stored has its view suspended by name and nothing else, and expiry counts values.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use WeirTest;
use Test::More;

my $shared = 32;
my $node = weir_cluster('large', conf => "weir.query_timeout = 0\nweir.memory = '${shared}MB'\nweir.ingest_workers = 1\njit = off\nlog_error_verbosity = verbose");

# The most memory that a worker ever had, in MB, without what it shares; undef where that is not to be found out.
sub peak
{
	my $type = shift;
	my $pid = wait_for_worker($node, $type, 'postgres');

	open(my $status, '<', "/proc/$pid/status") or return undef;
	my ($line) = grep { /^VmHWM:/ } <$status>;
	close $status;
	return $line && $line =~ /(\d+) kB/ ? int($1 / 1024) - $shared : undef;
}

sub stays_below
{
	my ($most, $type, $name) = @_;
	my $peak = peak($type);

SKIP:
	{
		skip 'there is no /proc', 1 unless defined $peak;
		cmp_ok($peak, '<', $most, $name);
	}
}

$node->safe_psql('postgres', q(
	CREATE FOREIGN TABLE s (k int, x bigint, t text) SERVER weir;
	CREATE TABLE p (k int, x bigint, t text);
	CREATE VIEW bad AS SELECT k, array_agg(t) AS a, sum(10 / x) AS s, count(*) FROM s GROUP BY k));

# A state of 3 MB, made of hundreds of pieces as bad rows are found.
my $rows = q(SELECT 1, i % 5, i || repeat(md5(i::text), 60) FROM generate_series(1, 1500) i);
$node->safe_psql('postgres', "INSERT INTO s $rows; INSERT INTO p $rows");
same($node, 'TABLE bad', 'SELECT k, array_agg(t), sum(10 / x), count(*) FROM p WHERE x <> 0 GROUP BY k', 'all rows but the bad ones count');
is($node->safe_psql('postgres', q(SELECT count(*), min(sqlstate), max(sqlstate) FROM weir.dead_letters)), '300|22012|22012', 'the bad ones are dead letters');
stays_below(100, 'weir ingest worker', 'many bad rows beside a large state take little memory');

# States of 6 MB: a few times that.
$node->safe_psql('postgres', q(
	DROP VIEW bad;
	CREATE VIEW large AS SELECT k, array_agg(x) AS a, string_agg(x::text, ',') AS l, count(*) FROM s GROUP BY k;
	TRUNCATE p;
	INSERT INTO p SELECT 1, i * 7919::bigint, NULL FROM generate_series(1, 400000) i;
	INSERT INTO s TABLE p;
	INSERT INTO s VALUES (1, 1, NULL);
	INSERT INTO p VALUES (1, 1, NULL)));
same($node, 'SELECT k, md5(a::text), md5(l), count FROM large', q(SELECT k, md5(array_agg(x)::text), md5(string_agg(x::text, ',')), count(*) FROM p GROUP BY k),
	'a large state is as batch');
stays_below(120, 'weir ingest worker', 'an ingest worker takes a few times the size of a large state');
stays_below(120, 'weir flush worker', 'so does the flush worker');

# A portion of expiry has so many values, not only so many groups.
$node->safe_psql('postgres', q(
	DROP VIEW large;
	SELECT weir.set_clock('2030-01-01 12:00+00');
	CREATE VIEW mortal WITH (ttl = '1 hour', ttl_column = 'm') AS
		SELECT timestamptz '2030-01-01 12:00+00' + k * interval '1 second' AS m, count(DISTINCT x) AS d, mode() WITHIN GROUP (ORDER BY x) AS o FROM s GROUP BY 1;
	INSERT INTO s SELECT i % 24, i FROM generate_series(1, 24 * 2500) i;
	CREATE FUNCTION watch(OUT portions int, OUT torn int) LANGUAGE plpgsql AS $$
	DECLARE
		groups int;
		vals int;
		before int := 24;
	BEGIN
		portions := 0;
		torn := 0;
		PERFORM weir.set_clock('2030-01-01 14:00+00');
		WHILE before > 0 LOOP
			SELECT (SELECT count(*) FROM mortal_mrel), (SELECT count(*) FROM mortal_vals1) INTO groups, vals;
			portions := portions + (groups < before)::int;
			torn := torn + (vals <> groups * 2500)::int;
			before := groups;
			PERFORM pg_sleep(0.005);
		END LOOP;
	END $$));
is($node->safe_psql('postgres', 'SELECT count(*), min(d), max(d) FROM mortal'), '24|2500|2500', 'groups with many values');
is($node->safe_psql('postgres', 'SELECT portions > 1, torn FROM watch()'), 't|0', 'they expire a few at a time, with their values');

# More elements than an array may have: two halves, each a row that is well by itself.
$node->safe_psql('postgres', q(
	DROP VIEW mortal;
	SELECT weir.set_clock(NULL);
	CREATE FOREIGN TABLE b (k int, a bool[]) SERVER weir;
	CREATE VIEW huge AS SELECT k, array_agg(a) AS a, count(*) FROM b GROUP BY k;
	CREATE VIEW other AS SELECT k, count(*) FROM b GROUP BY k;
	INSERT INTO b VALUES (1, array_fill(true, ARRAY[68000000]))));
is($node->safe_psql('postgres', 'SELECT k, array_length(a, 2), count FROM huge'), '1|68000000|1', 'a huge state');
$node->safe_psql('postgres', 'INSERT INTO b VALUES (1, array_fill(true, ARRAY[68000000]))');
like($node->safe_psql('postgres', q(SELECT view::oid::regclass || ' ' || convert_from(payload, 'UTF8') || ' ' || sqlstate || ': ' || message FROM weir.dead_letters WHERE view::oid = 'huge'::regclass)),
	qr/^huge \{"k": ?1\} 54000: the group cannot be written: states of group \(k\)=\(1\) cannot be combined: array size exceeds/, 'what cannot be combined is a dead letter with its group');
is($node->safe_psql('postgres', 'SELECT k, count(*), (SELECT count FROM other) FROM huge GROUP BY k'), '1|1|2', 'the group keeps what it had, other views go on');
$node->safe_psql('postgres', q(INSERT INTO b VALUES (2, '{t,f}')));
is($node->safe_psql('postgres', q(SELECT a, count, state FROM huge, weir.views v WHERE k = 2 AND v.name = 'huge')), '{{t,f}}|1|active', 'and so do other groups');
$node->stop('fast');
done_testing();
