#!/bin/bash
# The long versions of the crash, DDL and window tests: WEIR_ROUNDS kills (300), WEIR_SECONDS of DDL (300), WEIR_EVENTS of NEXMark (1,087,000: a million bids).
cd "$(dirname "$0")/.." || exit 1
export WEIR_ROUNDS=${WEIR_ROUNDS:-300} WEIR_SECONDS=${WEIR_SECONDS:-300} WEIR_TEST_TIMEOUT=${WEIR_TEST_TIMEOUT:-14400} WEIR_EVENTS=${WEIR_EVENTS:-1087000}
exec test/check.sh tap/005 tap/008 tap/015 tap/030
