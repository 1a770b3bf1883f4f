# Publications of all tables: views of every kind go on, and a subscriber follows each of their tables exactly, with a
# primary key and without.
use strict;
use warnings;
use WeirTest;
use Test::More;

my $node = weir_cluster('publication', conf => "wal_level = logical\nmax_worker_processes = 20\nmax_wal_senders = 4\nmax_replication_slots = 4\n");
$node->safe_psql('postgres', q(
	SELECT weir.set_clock('2030-01-01 12:00+00');
	CREATE PUBLICATION everything FOR ALL TABLES;
	CREATE PUBLICATION views FOR TABLES IN SCHEMA public WITH (publish_via_partition_root);
	CREATE FOREIGN TABLE bystander (k int) SERVER weir;
	CREATE VIEW bystander_v AS SELECT k, count(*) FROM bystander GROUP BY k;
	CREATE FOREIGN TABLE s (k int, t text, x int) SERVER weir;
	CREATE VIEW plain AS SELECT k, count(*), sum(x), max(t) FROM s GROUP BY k;
	CREATE VIEW states AS SELECT t, sum(x::bigint), avg(x::numeric), stddev(x), string_agg(t, ','), array_agg(x), weir.last(s, x),
		weir.approx_count_distinct(x), weir.topk_agg(t, 3), weir.dist_agg(x), weir.bloom_agg(x), weir.freq_agg(x) FROM s GROUP BY t;
	CREATE VIEW one_row AS SELECT count(*), avg(x) FROM s;
	CREATE VIEW keyed WITH (pk = 'k, t') AS SELECT k, t, count(*), json_agg(x) FROM s GROUP BY k, t;
	CREATE VIEW own_values AS SELECT k, count(DISTINCT x), percentile_disc(0.5) WITHIN GROUP (ORDER BY x) AS median FROM s GROUP BY k;
	CREATE VIEW log WITH (ttl = '1 hour', ttl_column = arrival_timestamp) AS SELECT k, t, arrival_timestamp FROM s;
	CREATE VIEW sliding WITH (sw = '1 minute') AS SELECT k, count(*), avg(x::numeric) FROM s GROUP BY k;
	CREATE VIEW sliding_total WITH (sw = '1 hour', step_factor = 1) AS SELECT count(*), sum(x) FROM s;
	CREATE VIEW seen WITH (ttl = '10 minutes', ttl_column = seen) AS SELECT k, count(*), max(arrival_timestamp) AS seen FROM s GROUP BY k;
	CREATE VIEW hours WITH (partition_by = 'h', partition_interval = '1 hour', retention = '6 hours') AS
		SELECT date_trunc('hour', arrival_timestamp) AS h, k, count(*), count(DISTINCT x) AS d FROM s GROUP BY 1, 2;
	CREATE VIEW hours_keyed WITH (partition_by = 'h', partition_interval = '1 hour', pk = 'h, k') AS
		SELECT date_trunc('hour', arrival_timestamp) AS h, k, count(*) FROM s GROUP BY 1, 2;
	CREATE FOREIGN TABLE ev (at timestamptz, k int) SERVER weir OPTIONS (event_time 'at', watermark '0 s');
	CREATE VIEW final WITH (emit = final, retention = '1 minute') AS
		SELECT k, window_start, count(*), count(DISTINCT k) AS d FROM ev, weir.tumble(at, '10 s') GROUP BY 1, 2;));

# Their tables.
my $tables = q(
	SELECT c.oid, c.relname AS name, c.relkind FROM pg_class c
	WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition);
my $create = $node->safe_psql('postgres', qq(
	SELECT format('CREATE TABLE %I (%s);', name, string_agg(format('%I %s', attname, format_type(atttypid, atttypmod)), ', ' ORDER BY attnum))
	FROM ($tables) c JOIN pg_attribute a ON attrelid = c.oid AND attnum > 0 GROUP BY name
	UNION ALL
	SELECT format('ALTER TABLE %I ADD %s;', name, pg_get_constraintdef(con.oid)) FROM ($tables) c JOIN pg_constraint con ON conrelid = c.oid
	WHERE contype = 'p'
	UNION ALL
	SELECT format('INSERT INTO one_row_mrel SELECT (%L::one_row_mrel).*;', t::text) FROM one_row_mrel t));
my $slot = $node->connstr('postgres');
$node->safe_psql('postgres', q(CREATE DATABASE copy));
$node->safe_psql('postgres', q(SELECT pg_create_logical_replication_slot('copy', 'pgoutput')));
$node->safe_psql('copy', "CREATE EXTENSION weir; $create; CREATE SUBSCRIPTION copy CONNECTION \$\$$slot\$\$ PUBLICATION views
	WITH (copy_data = false, create_slot = false, slot_name = 'copy')");

my @tables = split /\n/, $node->safe_psql('postgres', "SELECT name FROM ($tables) c ORDER BY name");
my $content = join ' UNION ALL ', map { "SELECT '$_ ' || t::text AS line FROM $_ t" } @tables;
cmp_ok(scalar(@tables), '>=', 16, 'tables of all views');

# All tables as text: states look like the bytes they are.
sub follows
{
	my ($when) = @_;
	$node->safe_psql('postgres', q(INSERT INTO bystander VALUES (1)));
	$node->wait_for_catchup('copy');
	is($node->safe_psql('copy', "$content ORDER BY 1"), $node->safe_psql('postgres', "$content ORDER BY 1"), "the subscriber follows $when");
	is($node->safe_psql('copy', q(SELECT apply_error_count FROM pg_stat_subscription_stats)), '0', "without errors $when");
	return;
}

my $rows = q(
	INSERT INTO s SELECT i % 5, 't' || i % 7, i FROM generate_series(1, 300) i;
	INSERT INTO ev SELECT timestamptz '2030-01-01' + i * interval '1 s', i % 3 FROM generate_series(%d, %d) i;);
$node->safe_psql('postgres', sprintf($rows, 1, 100));
follows('after inserts');
$node->safe_psql('postgres', sprintf($rows, 50, 200));
follows('after updates');

# Deletes: by the flush, which inserters wait for, and by who asks.
$node->safe_psql('postgres', q(SELECT weir.advance_clock('2 hours')));
$node->safe_psql('postgres', sprintf($rows, 1000, 1100) . q(
	SELECT weir.ttl_expire('log'), weir.ttl_expire('seen')));
$node->poll_query_until('postgres', q(
	SELECT NOT EXISTS (SELECT FROM final_mrel WHERE window_start < '2030-01-01 00:10+00')
		AND (SELECT count(*) FROM sliding_mrel) = 5)) or die 'nothing expires';
is($node->safe_psql('postgres', q(SELECT count(*) FROM log_mrel)), '300', 'old rows are gone');
follows('after deletes');
$node->safe_psql('postgres', q(SELECT weir.truncate('plain')));
follows('after a TRUNCATE');
is($node->safe_psql('postgres', q(SELECT string_agg(view::text || reason, ', ') FROM weir.views WHERE state <> 'active')), '', 'all views are active');
is($node->safe_psql('postgres', q(SELECT count(*) FROM weir.stat_worker WHERE errors > 0)), '0',
	'no worker had an error');

$node->safe_psql('copy', q(DROP SUBSCRIPTION copy));
$node->stop;
done_testing();
