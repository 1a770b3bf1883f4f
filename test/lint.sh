#!/bin/bash
# What a machine can check of doc and code: layers, exported symbols, settings documented, versions in one place.
# lint.sh [weir.so]; prints what is wrong, exit status 1 then.
set -u
cd "$(dirname "$0")/.."
bad=0
complain() { echo "lint: $*"; bad=1; }

# Layers, circles of files, includes that nobody needs.
while IFS= read -r line; do complain "$line"; done < <(python3 -B test/structure.py)

# Versions of PostgreSQL are told apart in one file.
for f in $(grep -rl --include='*.[ch]' PG_VERSION_NUM src); do
	[ "$f" = src/base/compat.h ] || complain "$f looks at PG_VERSION_NUM"
done

# The workers' own SQL means the same whatever the search_path: operators and functions are named by schema.
while IFS= read -r line; do complain "SQL without a schema: $line"; done < <(
	perl -ne 'next if /err(msg|hint|detail)/;
		while (/"((?:\\.|[^"\\])*)"/g) {
			my $sql = $1;
			next unless $sql =~ /\b(SELECT|WHERE|DELETE|UPDATE|VALUES|OVER)\b/;
			$sql =~ s/(SET|,) (\\")?[a-z_]+(\\")? = //g;
			$sql =~ s/SELECT \*//g;
			print "$ARGV:$.: $sql\n" if $sql =~ m{ (=|<|>|<=|>=|<>|!=|[-+*/]|\|\|) |IS (NOT )?DISTINCT FROM| (IN|BETWEEN|LIKE) |NULLIF\(|USING \(|(?<![.\w])(count|sum|min|max|now|unnest|array_append)\(};
		}
		close ARGV if eof' $(find src/{base,meta,stream,groups,matrel,process,intake,source,flush} -name '*.c'))

# Waits and pauses go by a clock that nobody sets.
while IFS=: read -r f line; do
	complain "$f waits by the system's clock: use weir_clock_steady: $line"
done < <(grep -rE --include='*.c' '(PlusMilliseconds|DifferenceMilliseconds)\(.*GetCurrentTimestamp' src | grep -v enable_timeout)

# Only librdkafka's own files know it.
for f in $(grep -rl --include='*.[ch]' 'librdkafka/rdkafka.h' src); do
	case $f in src/source/kafka/client.c | src/source/kafka/conf.[ch] | src/meta/property.c) ;; *) complain "$f includes rdkafka.h" ;; esac
done

# Operators are looked up in pg_catalog, not in the user's search_path.
for f in $(grep -rlE --include='*.c' 'make_(op|scalar_array_op)\(make_parsestate|parse_analyze_fixedparams' src); do
	case $f in src/query/expr.c | src/view/create.c | src/view/define.c) ;; *) complain "$f makes operators or queries by itself; see query/expr.h" ;; esac
done

# A header's guard is its own: a second one of that name would be empty where both are included.
for guard in $(grep -rhoE --include='*.h' '^#ifndef WEIR_(\w+_)?H$' src | awk '{print $2}' | sort | uniq -d); do
	complain "several headers have guard $guard: $(grep -rlx --include='*.h' "#ifndef $guard" src | xargs)"
done
for f in $(grep -rLE --include='*.h' '^#ifndef WEIR_(\w+_)?H$' src); do
	complain "$f has no guard WEIR_..._H"
done

# Every setting, function and view of schema weir is in doc/.
for name in $(grep -oh '"weir\.[a-z_]*"' src/base/settings.c | tr -d '"' | sort -u); do
	grep -rqF "$name" doc || complain "setting $name is not in doc/"
done
for name in $(grep -oE '^CREATE (VIEW|TABLE|FUNCTION) weir\.[a-z_]+' weir--1.0.sql | awk '{print $3}' | sort -u); do
	case $name in *_raw | weir.state_* | weir.combine_* | weir.*_trans | weir.*_combine | weir.*_final | weir.*_in | weir.*_out | weir.*_recv | weir.*_send | weir.*_serialize | weir.*_deserialize | weir.fdw_* | weir.catalog_changed | weir.refuse_write | \
		weir.extension_created | weir.continuous_view | weir.kafka_stat) continue ;; esac
	grep -rqF "$name" doc || complain "$name is not in doc/"
done

# Every object file is in the table of contents.
for f in $(find src -name '*.c'); do
	grep -qF "${f%.c}.o" Makefile || complain "$f is not in OBJS"
done

# Symbols that a library of a server shows: ours by name, and PostgreSQL's.
if [ -n "${1:-}" ]; then
	for s in $(nm -D --defined-only "$1" | awk '{print $3}' | grep -vE '^(weir_|pg_finfo_weir_|Pg_magic_func$|_PG_init$|_init$|_fini$)'); do
		complain "$1 exports $s"
	done
fi
exit $bad
