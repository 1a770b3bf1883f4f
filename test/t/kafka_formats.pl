# Formats of messages other than JSON: good and bad records of each, beside a stream that nothing is wrong with.
use strict;
use warnings;
use KafkaTest;
use WeirTest;
use Test::More;

my ($bootstrap) = start_broker();
my $node = weir_cluster('formats', conf => "weir.kafka_metadata_interval = 500\n");
$node->safe_psql('postgres', qq(
	CREATE SERVER k FOREIGN DATA WRAPPER weir OPTIONS (bootstrap_servers '$bootstrap');
	CREATE FOREIGN TABLE beside (a int) SERVER k OPTIONS (topic 'beside');
	CREATE VIEW beside_v AS SELECT count(*), sum(a) FROM beside;));
topic('create', 'beside', 1);
my ($count, $sum) = (0, 0);

# What goes beside whatever else is in the topics counts as ever.
sub beside
{
	my ($name) = @_;
	produce('beside', join '', map { "{\"a\": $_}\n" } 1 .. 100);
	($count, $sum) = ($count + 100, $sum + 5050);
	return becomes($node, 'SELECT * FROM beside_v', "$count|$sum", $name);
}

# Messages of any bytes but a tilde.
sub send_all
{
	my ($topic, @messages) = @_;
	produce($topic, join('', map { "$_~" } @messages), '-d', '~');
	return;
}

# The dead letters of a stream.
sub letters
{
	my ($stream) = @_;
	return $node->safe_psql('postgres', qq(SELECT "offset", sqlstate, replace(encode(payload, 'escape'), E'\\r', '<cr>'),
		regexp_replace(message, ': Failing row.*', '') FROM weir.dead_letters WHERE stream = '$stream'::regclass ORDER BY 1));
}

# CSV: a message is what COPY would take for a file.
topic('create', 'csv', 1);
$node->safe_psql('postgres', q(
	CREATE FOREIGN TABLE csv (a int CHECK (a <> 13), b text, at timestamptz, d int DEFAULT 7, g int GENERATED ALWAYS AS (a * 10) STORED,
		off bigint OPTIONS (metadata 'offset'), key text OPTIONS (metadata 'key')) SERVER k OPTIONS (topic 'csv', format 'csv');
	CREATE VIEW csv_v AS SELECT off, a, b, at AT TIME ZONE 'UTC' AS at, d, g, key FROM csv;
	CREATE VIEW csv_n AS SELECT off, count(*), sum(10 / (a - 3)) FROM csv GROUP BY off;));
send_all('csv',
	"1,plain,2026-01-02T03:04:05Z,2",
	"2,\"a \"\"quoted\"\", field\nof two lines\",,\n",
	"4,\"\",,1\r\n5,\"\\.\",,2\r\n",
	"6,few",
	"7,,,1,many",
	"x,,,1",
	"8,,,1\n9,,,2\ny,,,3\n",
	"10,\"open,,1",
	"",
	"11,\xff,,1",
	"12,,,1\n13,,,2\n14,,,3",
	"15,cr,,1\r16,and lf,,2\n",
	"\n",
	"17,,not a time,1",
	"3,fails in a view,,1");
produce('csv', "0\tk\t\\N\n0\tk\t18,last,2026-01-02 03:04:05+02,3\n", '-f');
becomes($node, 'SELECT max(off) FROM csv_v', '16', 'CSV is read to its end');
is($node->safe_psql('postgres', 'SELECT off, a, b IS NULL, b, at, d, g, key FROM csv_v ORDER BY off, a'), join("\n",
	'0|1|f|plain|2026-01-02 03:04:05|2|10|', "1|2|f|a \"quoted\", field\nof two lines|||20|", '2|4|f|||1|40|', '2|5|f|\.||2|50|',
	'14|3|f|fails in a view||1|30|', '15||t|||||k', '16|18|f|last|2026-01-02 01:04:05|3|180|k'),
	'a row for each record, and none of a message with a bad one');
becomes($node, q(SELECT count(*) FROM weir.dead_letters WHERE stream = 'csv'::regclass), '12', 'bad messages are dead letters');
is(letters('csv'), join("\n",
	'3|22P04|6,few|missing data for column "at"',
	'4|22P04|7,,,1,many|extra data after last expected column',
	'5|22P02|x,,,1|column "a": invalid input syntax for type integer: "x"',
	"6|22P02|8,,,1\n9,,,2\ny,,,3\n|record 3, column \"a\": invalid input syntax for type integer: \"y\"",
	'7|22P04|10,"open,,1|unterminated CSV quoted field',
	'8|02000||message is empty',
	'9|22021|11,\377,,1|invalid byte sequence for encoding "UTF8": 0xff',
	"10|23514|12,,,1\n13,,,2\n14,,,3|record 2: new row for relation \"csv\" violates check constraint \"csv_a_check\"",
	"11|22P04|15,cr,,1<cr>16,and lf,,2\n|record 2: unquoted newline found in data (Use quoted CSV field to represent newline.)",
	"12|22P04|\n|missing data for column \"b\"",
	'13|22007|17,,not a time,1|column "at": invalid input syntax for type timestamp with time zone: "not a time"',
	'14|22012|3,fails in a view,,1|division by zero'), 'each with its bytes and the place');
is($node->safe_psql('postgres', q(SELECT string_agg(off::text, ' ' ORDER BY off), sum(count) FROM csv_n)), '0 1 2 15 16|6', 'and counts in no view');
beside('CSV harms nobody');

# Options as COPY has them; each message has the header.
topic('create', 'semi', 1);
$node->safe_psql('postgres', q(
	CREATE FOREIGN TABLE semi (a int, b text) SERVER k
		OPTIONS (topic 'semi', format 'csv', delimiter ';', quote '''', escape '\', null 'NIL', header 'match');
	CREATE VIEW semi_v AS SELECT a, b FROM semi;));
send_all('semi', "a;b\n1;'it\\'s; '\n2;NIL\n3;'NIL'\n", "b;a\nx;4\n", "5;no header\n", "a;b", "a;b\n6;\n");
becomes($node, q(SELECT a, coalesce(b, '(null)') FROM semi_v ORDER BY a), "1|it's; \n2|(null)\n3|NIL\n6|",
	'delimiter, quote, escape, null and header are in effect');
is(letters('semi'), "1|22P04|b;a\nx;4\n|column name mismatch in header line field 1: got \"b\", expected \"a\"\n"
	  . "2|22P04|5;no header\n|column name mismatch in header line field 1: got \"5\", expected \"a\"", 'a header that does not match is a bad message');
my $worker = q(SELECT count(*) FROM weir.stat_kafka WHERE stream = 'semi'::regclass AND partition IS NULL AND state = 'running' AND pid <> );
my $pid = $node->safe_psql('postgres', q(SELECT pid FROM weir.stat_kafka WHERE stream = 'semi'::regclass AND partition IS NULL));
$node->safe_psql('postgres', q(ALTER FOREIGN TABLE semi OPTIONS (SET header 'true', SET delimiter ',')));
becomes($node, $worker . $pid, '1', 'a worker takes over');
send_all('semi', "x,y\n7,any header\n");
becomes($node, 'SELECT b FROM semi_v WHERE a = 7', 'any header', 'and other ones from ALTER on');

# Text: whatever type takes it.
topic('create', 'text', 1);
produce('text', "{\"a\": 1}\nno json\n{\"a\": \"\xc3\xa9\"}\n\xff\n\n");
produce('text', "0\tk\t\\N\n", '-f');
$node->safe_psql('postgres', q(
	CREATE FOREIGN TABLE doc (j jsonb, off bigint OPTIONS (metadata 'offset'), a text GENERATED ALWAYS AS (j ->> 'a') STORED)
		SERVER k OPTIONS (topic 'text', format 'text');
	CREATE VIEW doc_v AS SELECT off, a FROM doc;
	CREATE FOREIGN TABLE line (t varchar(8), off bigint OPTIONS (metadata 'offset'), key bytea OPTIONS (metadata 'key'))
		SERVER k OPTIONS (topic 'text', format 'text', on_error 'skip');
	CREATE VIEW line_v AS SELECT off, t, key FROM line;));
becomes($node, 'SELECT off, a FROM doc_v ORDER BY off', "0|1\n2|\xc3\xa9", 'text is the value of a column of any type');
becomes($node, q(SELECT count(*) FROM weir.dead_letters WHERE stream = 'doc'::regclass), '4', 'what it does not take is a dead letter');
is(letters('doc'), join("\n",
	'1|22P02|no json|column "j": invalid input syntax for type json: Token "no" is invalid.',
	'3|22021|\377|invalid byte sequence for encoding "UTF8": 0xff',
	'4|22P02||column "j": invalid input syntax for type json: The input string ended unexpectedly.',
	'5|02000||message has no payload'), 'with its reason');
becomes($node, q(SELECT off, coalesce(t, '(null)'), key FROM line_v ORDER BY off), "0|{\"a\": 1}|\n1|no json|\n4||\n5|(null)|\\x6b",
	'an empty message is an empty text, a tombstone is NULL');
becomes($node, q(SELECT errors FROM weir.stat_kafka WHERE stream = 'line'::regclass AND partition IS NULL), '2',
	'what is too long, or no text, is skipped');
beside('text harms nobody');

# Raw: bytes, whatever they are.
$node->safe_psql('postgres', q(
	CREATE FOREIGN TABLE raw (b bytea CHECK (length(b) <> 7), off bigint OPTIONS (metadata 'offset'))
		SERVER k OPTIONS (topic 'text', format 'raw', on_error 'stop');
	CREATE VIEW raw_v AS SELECT off, b FROM raw;));
becomes($node, q(SELECT left(reason, 70) FROM weir.source_stopped WHERE stream = 'raw'::regclass),
	'message at offset 1 of partition 0 of topic "text" cannot be decoded: ', 'on_error stop stops at a bad one');
$node->safe_psql('postgres', q(ALTER FOREIGN TABLE raw OPTIONS (SET on_error 'dead_letter'); SELECT weir.resume('raw')));
becomes($node, 'SELECT off, b FROM raw_v ORDER BY off', "0|\\x7b2261223a20317d\n2|\\x7b2261223a2022c3a9227d\n3|\\xff\n4|\\x", 'bytes are taken as they are');
becomes($node, q(SELECT "offset" FROM weir.dead_letters WHERE stream = 'raw'::regclass ORDER BY 1), "1\n5", 'what a constraint refuses, or is not there, is not');
beside('raw harms nobody');

# Another encoding of the database.
$node->safe_psql('postgres', q(CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'));
$node->safe_psql('latin', qq(
	CREATE EXTENSION weir;
	CREATE SERVER k FOREIGN DATA WRAPPER weir OPTIONS (bootstrap_servers '$bootstrap');
	CREATE FOREIGN TABLE latin (a int, b text) SERVER k OPTIONS (topic 'latin', format 'csv');
	CREATE VIEW latin_v AS SELECT a, octet_length(b) AS n FROM latin;));
topic('create', 'latin', 1);
produce('latin', "1,\xc3\xa9\n2,\xe2\x82\xac\n3,last\n");
ok($node->poll_query_until('latin', 'SELECT count(*) = 2 FROM latin_v'), 'text comes in the encoding of the database');
is($node->safe_psql('latin', q(SELECT a, n FROM latin_v ORDER BY a)), "1|1\n3|4", 'with its bytes');
is($node->safe_psql('latin', q(SELECT "offset", sqlstate FROM weir.dead_letters)), '1|22P05', 'what it has no character for is a dead letter');

$node->stop;
done_testing();
