"""What random queries are made of.  To have a construct tested, add a line to one of the tables below.

An entry is (result family, text, argument families): {0}, {1} ... in the text stand for expressions of these families.
In tables of aggregates the result may also be "same" (that of the first argument), and an argument "any", "ordered",
"hashable".  The words after it say how answers are compared:

    float   up to rounding: sums of floats depend on the order of addition
    ambig   equal values may look different, and any of them is right
    a text with {}   an SQL expression over the column, {}, that makes comparable what is right in any order

FAILING has what fails for some rows: these become dead letters of the view, and the batch answer goes without them.
"""

# ---- expressions over a row ----
SCALARS = [
    ("int", "({0} % 7)", ["int"]),
    ("int", "({0} % 2 = 0)::int", ["int"]),
    ("int", "length({0})", ["text"]),
    ("int", "coalesce({0}, 0)", ["int"]),
    ("int", "CASE WHEN {0} THEN 1 WHEN {1} IS NULL THEN 2 ELSE 3 END", ["bool", "any"]),
    ("int", "nullif({0}, 1)", ["int"]),
    ("int", "greatest({0}, {1})", ["int", "int"]),
    ("int", "extract(dow FROM {0})::int", ["fdate"]),
    ("int", "cardinality({0})", ["array"]),
    ("int", "({0})[1]", ["array"]),
    ("int", "({0}).a", ["pair"]),
    ("int", "ascii({0})", ["text"]),
    ("int", "position('a' in {0})", ["text"]),
    ("int", "num_nulls({0}, {1})", ["any", "any"]),
    ("int", "(SELECT max(d.k) FROM d0 d WHERE d.k < {0})", ["int"]),
    ("num", "({0}::numeric / 4)", ["int"]),
    ("num", "round({0}, 1)", ["num"]),
    ("num", "abs({0})", ["num"]),
    ("num", "({0} * 2)", ["num"]),
    ("num", "trim_scale({0})", ["num"]),
    ("num", "coalesce({0}, {1}::numeric)", ["num", "int"]),
    ("tame", "({0} * 2)", ["tame"]),
    ("tame", "abs({0})", ["tame"]),
    ("tame", "({0} % 100)::float8 / 4", ["int"]),
    ("wild", "(- {0})", ["wild"]),
    ("text", "lower({0})", ["text"]),
    ("text", "left({0}, 1)", ["text"]),
    ("text", "({0} || '-' || {1})", ["text", "int"]),
    ("text", "coalesce({0}, 'none')", ["text"]),
    ("text", "replace({0}, 'a', 'bb')", ["text"]),
    ("text", "{0}::text", ["int"]),
    ("text", "{0}::text", ["enum"]),
    ("text", "{0}::text", ["bool"]),
    ("text", "md5({0})", ["text"]),
    ("text", "({0} ->> 'b')", ["jsonb"]),
    ("text", "jsonb_typeof({0})", ["jsonb"]),
    ("text", "({0}).b", ["pair"]),
    ("text", "host({0})", ["inet"]),
    ("text", "array_to_string({0}, '+')", ["tarray"]),
    ("text", "substring({0} FROM '[a-z]+')", ["text"]),
    ("text", "({0} COLLATE \"C\")", ["text"]),
    ("text", "to_char({0}, 'YYYY-MM')", ["date"]),
    ("text", "CASE {0} WHEN 1 THEN 'one' WHEN 2 THEN 'two' END", ["int"]),
    ("text", "(SELECT d.name FROM d0 d WHERE d.k = {0} ORDER BY d.name LIMIT 1)", ["int"]),
    ("bool", "({0} > {1})", ["int", "int"]),
    ("bool", "({0} IS NULL)", ["any"]),
    ("bool", "({0} IS NOT DISTINCT FROM {1})", ["int", "int"]),
    ("bool", "({0} OR {1})", ["bool", "bool"]),
    ("bool", "({0} AND NOT {1})", ["bool", "bool"]),
    ("bool", "({0} LIKE 'a%')", ["text"]),
    ("bool", "({0} ~ '[0-9]$')", ["text"]),
    ("bool", "({0} IN ('a', 'b1', 'k3'))", ["text"]),
    ("bool", "({0} BETWEEN -3 AND 20)", ["int"]),
    ("bool", "({0} > 0)", ["num"]),
    ("bool", "({0} <= 0.5)", ["wild"]),
    ("bool", "({0} @> '{{\"a\": 1}}')", ["jsonb"]),
    ("bool", "({0} = ANY ({1}))", ["int", "array"]),
    ("bool", "({0} @> 2)", ["range"]),
    ("bool", "isempty({0})", ["range"]),
    ("bool", "({0} << '10.0.0.0/8')", ["inet"]),
    ("bool", "({0} >= 'ok')", ["enum"]),
    ("bool", "({0} > '12:00')", ["time"]),
    ("bool", "({0} > '2026-02-01')", ["date"]),
    ("bool", "({0} < '2026-03-01 12:00')", ["ts"]),
    ("bool", "isfinite({0})", ["tstz"]),
    ("bool", "({0} = 'abc')", ["ci"]),
    ("bool", "({0} IN (SELECT d.k FROM d0 d WHERE d.on_sale))", ["int"]),
    ("bool", "({0} NOT IN (SELECT d.k FROM d0 d WHERE d.k IS NOT NULL))", ["int"]),
    ("bool", "EXISTS (SELECT FROM d0 d WHERE d.k = {0})", ["int"]),
    ("bool", "NOT EXISTS (SELECT FROM d1 d WHERE d.t = {0})", ["text"]),
    ("bool", "({0} = ANY (SELECT d.t FROM d1 d))", ["text"]),
    ("date", "({0} + 1)", ["date"]),
    ("date", "{0}::date", ["ts"]),
    ("ts", "date_trunc('hour', {0})", ["ts"]),
    ("ts", "date_trunc('day', {0})", ["ts"]),
    ("ts", "date_bin('15 min', {0}, '2001-01-01')", ["fts"]),
    ("ts", "weir.time_bucket('10 minutes', {0})", ["fts"]),
    ("tstz", "date_trunc('minute', {0})", ["tstz"]),
    ("tstz", "date_trunc('day', {0}, 'Europe/Berlin')", ["tstz"]),
    ("tstz", "({0} AT TIME ZONE 'UTC')", ["ts"]),
    ("interval", "({0} * 2)", ["interval"]),
    ("interval", "make_interval(mins => ({0} % 1000)::int)", ["int"]),
    ("jsonb", "({0} -> 'a')", ["jsonb"]),
    ("jsonb", "jsonb_build_object('k', {0}, 'v', {1})", ["int", "text"]),
    ("array", "({0} || 1)", ["vector"]),
    ("array", "ARRAY[{0} % 5, NULL]", ["int"]),
    ("tarray", "ARRAY[{0}, 'x']", ["text"]),
    ("pair", "ROW({0} % 3, 'p')::pair", ["int"]),
    ("range", "int4range(({0} % 5)::int, 10)", ["int"]),
    ("bytea", "convert_to({0}, 'UTF8')", ["text"]),
    ("enum", "CASE WHEN {0} THEN 'ok'::mood END", ["bool"]),
    ("bool", "CASE WHEN {0} THEN {1} ELSE false END", ["bool", "bool"]),
]

# Narrower sets of values, by an expression that keeps the others away.
NARROW = {
    "fdate": ("date", "nullif(nullif({0}, 'infinity'), '-infinity')"),
    "fts": ("ts", "nullif(nullif({0}, 'infinity'), '-infinity')"),
    "ftstz": ("tstz", "nullif(nullif({0}, 'infinity'), '-infinity')"),
    "cint": ("int", "coalesce({0}, -1)"),
    "vector": ("array", "CASE WHEN array_ndims({0}) = 1 THEN {0} END"),
}

FAILING = [
    ("int", "(100 / ({0} % 5))", ["int"]),
    ("int", "{0}::int", ["text"]),
    ("int", "({0} + 2147483000)::int", ["int"]),
    ("int", "{0}::int2", ["int"]),
    ("num", "sqrt({0})", ["num"]),
    ("num", "ln({0})", ["num"]),
    ("text", "substring({0}, 1, {1} % 4)", ["text", "int"]),
    ("text", "{0}::mood::text", ["text"]),
    ("date", "{0}::date", ["text"]),
    ("enum", "{0}::mood", ["text"]),
    ("int", "{0}::small", ["int"]),
    ("text", "{0}::word", ["text"]),
    ("range", "int4range(({0} % 100)::int, 3)", ["int"]),
    ("tame", "(1.0::float8 / ({0} % 3))", ["int"]),
    ("array", "({0} || '{{{{1,2}}}}')", ["array"]),
    ("int", "(SELECT d.k FROM d0 d WHERE d.k = {0})", ["int"]),
    ("ts", "date_bin('15 min', {0}, '2001-01-01')", ["ts"]),
]

CONSTANTS = {
    "int": ["0", "3", "-1", "NULL::int"], "num": ["1.50", "0"], "text": ["'a'", "''", "'k3'"], "bool": ["true", "false", "NULL::bool"],
    "tame": ["0.25::float8"],
}

# ---- aggregates ----
_BAG = "(SELECT array_agg(e ORDER BY e::text) FROM unnest({}) e)"
_JSON = "(SELECT jsonb_agg(e ORDER BY e::text) FROM jsonb_array_elements({}::jsonb) e)"
_WORDS = "(SELECT string_agg(e, '|' ORDER BY e COLLATE \"C\") FROM unnest(string_to_array({}, '|')) e)"

AGGREGATES = [
    ("int", "count(*)", []),
    ("int", "count(*)", []),
    ("int", "count({0})", ["any"]),
    ("num", "sum({0})", ["int"]),
    ("num", "avg({0})", ["int"]),
    ("num", "sum({0})", ["num"]),
    ("num", "avg({0})", ["num"]),
    ("tame", "sum({0})", ["tame"]),
    ("tame", "avg({0})", ["tame"]),
    ("same", "min({0})", ["ordered"]),
    ("same", "max({0})", ["ordered"]),
    ("same", "max({0})", ["ordered"]),
    ("bool", "bool_and({0})", ["bool"]),
    ("bool", "bool_or({0})", ["bool"]),
    ("bool", "every({0})", ["bool"]),
    ("text", "range_agg({0})::text", ["range"]),
    ("int", "bit_and({0})", ["int"]),
    ("int", "bit_or({0})", ["int"]),
    ("int", "bit_xor({0})", ["int"]),
    ("num", "stddev({0})", ["int"]),
    ("num", "variance({0})", ["num"]),
    ("num", "var_pop({0})", ["int"]),
    ("num", "stddev_pop({0})", ["num"]),
    ("float", "stddev_samp({0})", ["tame"], "float"),
    ("float", "var_pop({0})", ["tame"], "float"),
    ("float", "corr({0}, {1})", ["tame", "tame"], "float"),
    ("float", "covar_samp({0}, {1})", ["tame", "tame"], "float"),
    ("float", "regr_slope({0}, {1})", ["tame", "tame"], "float"),
    ("float", "regr_intercept({0}, {1})", ["tame", "tame"], "float"),
    ("float", "regr_r2({0}, {1})", ["tame", "tame"], "float"),
    ("tame", "regr_avgx({0}, {1})", ["tame", "tame"], "float"),
    ("int", "regr_count({0}, {1})", ["tame", "tame"]),
    ("interval", "sum({0})", ["interval"]),
    ("interval", "avg({0})", ["interval"]),
    # with DISTINCT
    ("int", "count(DISTINCT {0})", ["hashable"]),
    ("num", "sum(DISTINCT {0})", ["int"]),
    ("num", "avg(DISTINCT {0})", ["num"], "ambig"),
    ("text", "string_agg(DISTINCT {0}, '|')", ["text"]),
    ("array", "array_agg(DISTINCT {0})", ["int"]),
    # by arrival
    ("other", "array_agg({0})", ["int"], _BAG),
    ("other", "array_agg({0})", ["text"], _BAG),
    ("other", "string_agg({0}, '|')", ["text"], _WORDS),
    ("other", "jsonb_agg({0})", ["int"], _JSON),
    ("other", "json_agg({0})", ["text"], _JSON),
    ("other", "json_agg({0})", ["pair"], _JSON),
    ("other", "jsonb_agg({0})", ["jsonb"], _JSON),
    ("other", "jsonb_object_agg({0}::text, 1)", ["cint"]),
    # in an order
    ("array", "array_agg({0} ORDER BY {0} DESC)", ["int"]),
    ("text", "string_agg({0}, '|' ORDER BY {0})", ["text"]),
    ("text", "string_agg({0}, '|' ORDER BY {0} DESC NULLS LAST)", ["text"]),
    # ordered sets
    ("tame", "percentile_cont(0.5) WITHIN GROUP (ORDER BY {0})", ["tame"]),
    ("int", "percentile_disc(0.25) WITHIN GROUP (ORDER BY {0})", ["int"]),
    ("text", "mode() WITHIN GROUP (ORDER BY {0})", ["text"]),
    ("int", "rank(3) WITHIN GROUP (ORDER BY {0})", ["int"]),
    ("tame", "cume_dist(3) WITHIN GROUP (ORDER BY {0})", ["int"]),
    ("int", "dense_rank('b') WITHIN GROUP (ORDER BY {0})", ["text"]),
    # sketches, by what does not depend on how the rows were divided
    ("int", "weir.approx_count_distinct({0})", ["hashable"]),
    ("other", "weir.hll_agg({0})", ["hashable"], "weir.hll_cardinality({})"),
    ("other", "weir.bloom_agg({0})", ["text"], "({})::text"),
    ("other", "weir.freq_agg({0})", ["int"], "weir.freq_total({})"),
    # by another column; id is different in every row
    ("same", "weir.first({0}, {1})", ["any", "id"]),
    ("same", "weir.last({0}, {1})", ["any", "id"]),
    ("same", "weir.keyed_max({1}, {0})", ["any", "id"]),
    ("array", "weir.first_values(3, {0}, {1})", ["int", "id"]),
    ("other", "weir.top_n(2, {0}, {1})", ["text", "id"]),
    ("array", "weir.top_n(3, {0})", ["int"]),
    ("other", "percentile_disc(ARRAY[0, 0.5, 1]) WITHIN GROUP (ORDER BY {0})", ["int"]),
]
# From the first with DISTINCT on: picked less often, for they make other queries than the plain ones
RARE = next(n for n, a in enumerate(AGGREGATES) if "DISTINCT" in a[1])

# Over results of aggregates of one family.
ON_TOP = [
    ("int", "({0} + 1)", ["int"]),
    ("int", "({0} * 2 - {1})", ["int", "int"]),
    ("num", "round({0}, 2)", ["num"]),
    ("num", "({0} + {1})", ["num", "int"]),
    ("num", "coalesce({0}, 0)", ["num"]),
    ("text", "({0} || ' rows')", ["int"]),
    ("text", "CASE WHEN {0} > 2 THEN {1} ELSE 'few' END", ["int", "text"]),
    ("bool", "({0} > {1})", ["int", "int"]),
    ("bool", "({0} IS NULL)", ["num"]),
    ("text", "upper({0})", ["text"]),
    ("num", "({0} / nullif({1}, 0))", ["num", "int"]),
]

HAVING = ["count(*) > 2", "count(*) % 2 = 0", "sum({int}) > 3", "min({int}) IS NOT NULL", "bool_or({bool})", "max({text}) > 'b'",
          "count({any}) < 9", "avg({num}) > 0 OR count(*) > 5"]

# {keys}: all group keys, {key}: one of them
WINDOWS = ["rank() OVER (ORDER BY count(*))", "dense_rank() OVER (ORDER BY count(*) DESC)",
           "row_number() OVER (ORDER BY {keys})", "sum(count(*)) OVER (PARTITION BY {key})",
           "lag(count(*)) OVER (ORDER BY {keys})", "ntile(3) OVER (ORDER BY {keys})",
           "first_value(count(*)) OVER (PARTITION BY {key} ORDER BY {keys})",
           "count(*) OVER ()", "max(count(*)) OVER (ORDER BY {keys} ROWS 2 PRECEDING)"]

# Functions in FROM that give windows of time: text, columns and their families
TIME_WINDOWS = [
    ("weir.tumble({ts}, '10 minutes')", {"window_start": "ts", "window_end": "ts"}),
    ("weir.tumble({tstz}, '1 day', zone => 'Europe/Berlin')", {"window_start": "tstz", "window_end": "tstz"}),
    ("weir.hop({ts}, '10 minutes', '30 minutes')", {"window_start": "ts", "window_end": "ts"}),
    ("weir.hop({tstz}, '4 minutes', '10 minutes')", {"window_start": "tstz", "window_end": "tstz"}),
    ("weir.cumulate({ts}, '15 minutes', '1 hour')", {"window_start": "ts", "window_end": "ts"}),
]

# Joins of the stream, which stands where {from} is, with d0 (k int, name text, on_sale bool, price numeric),
# d1 (t text, n int) and others; columns that come to it and their families
JOINS = [
    ("{from} JOIN d0 j ON j.k = {int}", {"j.name": "text", "j.on_sale": "bool", "j.price": "num"}),
    ("{from} LEFT JOIN d0 j ON j.k = {int}", {"j.name": "text", "j.on_sale": "bool", "j.k": "int"}),
    ("d0 j RIGHT JOIN {from} ON j.k = {int}", {"j.name": "text", "j.price": "num"}),
    ("{from} LEFT JOIN d1 j ON j.t = {text} AND j.n > 1", {"j.n": "int", "j.t": "text"}),
    ("{from} JOIN d1 j ON j.t = {text}", {"j.n": "int"}),
    ("{from} CROSS JOIN (VALUES (1, 'one'), (2, 'two')) j (n, t)", {"j.n": "int", "j.t": "text"}),
    ("{from} JOIN LATERAL (SELECT d.name, d.price FROM d0 d WHERE d.k = {int}) j ON true", {"j.name": "text", "j.price": "num"}),
    ("{from} LEFT JOIN LATERAL (SELECT count(*) AS c, max(d.n) AS m FROM d1 d WHERE d.t > {text}) j ON true", {"j.c": "int", "j.m": "int"}),
    ("{from} JOIN (SELECT n % 3 AS g, count(*) AS c FROM d1 GROUP BY 1) j ON j.g = {int}", {"j.g": "int", "j.c": "int"}),
    ("{from} CROSS JOIN LATERAL unnest({array}) j (e)", {"j.e": "int"}),
    ("{from} LEFT JOIN LATERAL unnest({tarray}) WITH ORDINALITY j (e, o) ON true", {"j.e": "text", "j.o": "int"}),
    ("{from} CROSS JOIN generate_series(1, 3) j (g)", {"j.g": "int"}),
    ("{from} JOIN dv j ON j.k = {int}", {"j.total": "num", "j.n": "int"}),
    ("{from} JOIN d0 j ON j.k = {int} LEFT JOIN d1 j2 ON j2.t = j.name", {"j.name": "text", "j2.n": "int"}),
]

# Sliding windows: conditions on columns ({ts} alone, not an expression), wide or far from any row by more than their steps
SLIDING = ["{tstz} > clock_timestamp() - interval '30 years'", "{ts} > localtimestamp - interval '30 years'",
           "{ts} > localtimestamp - interval '200 years' AND {ts} <= localtimestamp"]

# Options of views whose column {column} is a group key of time
PARTITIONS = ["partition_by = '{column}', partition_interval = '1 day'", "partition_by = '{column}', partition_interval = '1 year'"]

# Set-returning functions in the select list of queries without aggregates
SETS = [("int", "generate_series(1, abs({0} % 3))", ["int"]), ("int", "unnest({0})", ["array"]), ("text", "unnest({0})", ["tarray"]),
        ("text", "jsonb_object_keys(CASE WHEN jsonb_typeof({0}) = 'object' THEN {0} END)", ["jsonb"])]
