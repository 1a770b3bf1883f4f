#!/bin/bash
# The long versions of the crash and DDL tests: WEIR_ROUNDS kills (300), WEIR_SECONDS of DDL (300).
cd "$(dirname "$0")/.." || exit 1
export WEIR_ROUNDS=${WEIR_ROUNDS:-300} WEIR_SECONDS=${WEIR_SECONDS:-300} WEIR_TEST_TIMEOUT=${WEIR_TEST_TIMEOUT:-14400}
exec test/check.sh tap/005 tap/008 tap/015
