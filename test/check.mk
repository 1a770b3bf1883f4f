# Targets that bring their own servers; they work where PostgreSQL is not installed yet.
# T='pattern ...' runs the tests whose name contains a pattern.

.PHONY: check pg-regress torture demo bench bench-quick lint
lint:
	@test/lint.sh
check:
	@test/check.sh $(T) </dev/null
# PostgreSQL's own tests; PGSRC=DIR names its source, else it is fetched.
pg-regress:
	@PGSRC=$(PGSRC) test/pg_regress.sh $(T) </dev/null
torture:
	@test/torture.sh </dev/null
demo:
	@test/demo.sh
# About half an hour; bench-quick five minutes.
bench:
	@test/bench/run.sh $(T) </dev/null
bench-quick:
	@test/bench/run.sh --quick $(T) </dev/null
