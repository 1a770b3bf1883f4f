#!/bin/bash
# The long versions of the crash, DDL, window and fault tests: WEIR_ROUNDS kills (300), WEIR_SECONDS of DDL (300), WEIR_EVENTS of NEXMark (1,087,000: a million bids),
# WEIR_FAULT_ROUNDS of each kill (10; each full disk, backup and promotion a third of it).  Arguments: patterns in place of these tests.
cd "$(dirname "$0")/.." || exit 1
export WEIR_ROUNDS=${WEIR_ROUNDS:-300} WEIR_SECONDS=${WEIR_SECONDS:-300} WEIR_TEST_TIMEOUT=${WEIR_TEST_TIMEOUT:-14400} WEIR_EVENTS=${WEIR_EVENTS:-1087000} \
	WEIR_FAULT_ROUNDS=${WEIR_FAULT_ROUNDS:-10}
[ $# -gt 0 ] || set -- tap/crash tap/ddl_load tap/kafka_crash tap/windows tap/faults
exec test/check.sh "$@"
