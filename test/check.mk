# Targets that bring their own servers; they work where PostgreSQL is not installed yet.
# T='pattern ...' runs the tests whose name contains a pattern.

.PHONY: hostile check check-sanitize pg-regress torture oracle fuzz fuzz-functions demo bench bench-quick bench-scale bench-scale-quick lint
lint:
	@test/lint.sh
check:
	@test/check.sh $(T) </dev/null
# The same on a server with assertions and sanitizers, which is built first: an hour.
check-sanitize:
	@PGSRC=$(PGSRC) test/sanitize.sh $(T) </dev/null
# PostgreSQL's own tests; PGSRC=DIR names its source, else it is fetched.
pg-regress:
	@PGSRC=$(PGSRC) test/pg_regress.sh $(T) </dev/null
# Long forms: kills, DDL, windows, full disks and other faults.
torture:
	@test/torture.sh $(T) </dev/null
# Random views against batch: N of them from a SEED on.  See test/oracle/README.md.
oracle:
	@test/oracle/run.sh oracle "$(N)" "$(SEED)" </dev/null
# CREATE VIEW statements that are mostly wrong, for so many SECONDS.
fuzz:
	@test/oracle/run.sh fuzz "$(SECONDS)" "$(SEED)" </dev/null
# Every function of schema weir with arguments that are mostly wrong, for so many SECONDS.
fuzz-functions:
	@test/oracle/run.sh functions "$(SECONDS)" "$(SEED)" </dev/null
# All hostile scripts against a bystander, six minutes; make check runs some.
hostile:
	@WEIR_HOSTILE=all test/check.sh tap/hostile </dev/null
demo:
	@test/demo.sh
# About half an hour; bench-quick five minutes.
bench:
	@test/bench/run.sh targets $(T) </dev/null
bench-quick:
	@test/bench/run.sh targets --quick $(T) </dev/null
# 25 minutes; bench-scale-quick four.
bench-scale:
	@test/bench/run.sh scale $(T) </dev/null
bench-scale-quick:
	@test/bench/run.sh scale --quick $(T) </dev/null
