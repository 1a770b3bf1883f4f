#!/bin/bash
# broker.sh: a Kafka broker on loopback in a private directory, for tests, demo and benchmark.
#
#   broker.sh start DIR [PORT]   start one; DIR/bootstrap holds its address, DIR/kind what it is
#   broker.sh stop DIR           ask it to end, and see that it did
#   broker.sh kill DIR           kill -9
#   broker.sh restart DIR        start it again on its data, at the same address
#   broker.sh running DIR        exit code 0 if it runs
#   broker.sh topic create DIR NAME PARTITIONS [CONFIG=VALUE ...]
#   broker.sh topic add-partitions DIR NAME TOTAL
#   broker.sh topic delete-records DIR NAME PARTITION BEFORE_OFFSET
#   broker.sh topic watermarks DIR NAME | count DIR NAME | drop DIR NAME
#   broker.sh produce DIR NAME [ktool options]     lines of stdin
#   broker.sh command DIR WORDS...                 to the emulation (ktool mock), for faults
#   broker.sh fetch              only fetch Apache Kafka
#   broker.sh ktool              print the path of ktool, built when needed
#
# The broker is Apache Kafka in KRaft mode, fetched once from Maven Central.  Where that cannot
# be reached, or with WEIR_KAFKA=mock, librdkafka's broker emulation stands in; it keeps topics in
# memory only, so kill and restart lose them.
#
# Needs (Debian 12): openjdk-17-jre-headless maven gcc librdkafka-dev.  Any user may run it.
# Environment: WEIR_KAFKA=mock|real (real: never fall back), WEIR_KAFKA_JARS=DIR with the jars,
# WEIR_KAFKA_BROKERS: how many brokers the emulation has (1).
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
version=$(sed -n 's:.*<kafka.version>\(.*\)</kafka.version>.*:\1:p' "$here/pom.xml")

die() { echo "broker.sh: $*" >&2; exit 1; }

# A directory of ours for what is made once: root's is for every user to read.
cache_dir() {
	if [ "$(id -u)" = 0 ]; then echo /var/cache/weir
	elif [ -n "${HOME:-}" ] && mkdir -p "$HOME/.cache/weir" 2>/dev/null; then echo "$HOME/.cache/weir"
	else echo "${TMPDIR:-/tmp}/weir-cache-$(id -u)"
	fi
}

ktool_path() {
	local out="$here/ktool"
	if [ ! -x "$out" ] || [ "$here/ktool.c" -nt "$out" ]; then
		[ -w "$here" ] || out="$(cache_dir)/ktool"
		if [ ! -x "$out" ] || [ "$here/ktool.c" -nt "$out" ]; then
			mkdir -p "$(dirname "$out")"
			gcc -std=gnu11 -O2 -Wall -o "$out.$$" "$here/ktool.c" -lrdkafka || die "cannot build ktool: librdkafka-dev and gcc are needed"
			mv "$out.$$" "$out"
		fi
	fi
	echo "$out"
}

# The directory with Kafka's jars, complete; fetched when there is none.  Fails when it cannot be.
jars_dir() {
	local dir log
	if [ -n "${WEIR_KAFKA_JARS:-}" ]; then echo "$WEIR_KAFKA_JARS"; return; fi
	for dir in /var/cache/weir "$(cache_dir)"; do
		dir=$dir/kafka-$version
		if [ -f "$dir/complete" ] && { [ -O "$dir" ] || [ "$(stat -c %u "$dir")" = 0 ]; }; then
			echo "$dir"; return
		fi
	done
	dir=$(cache_dir)/kafka-$version
	mkdir -p "$dir"
	log=$dir/fetch.log
	(
		flock 9
		[ -f "$dir/complete" ] && exit 0
		echo "broker.sh: fetching Apache Kafka $version from Maven Central" >&2
		cp "$here/pom.xml" "$dir/"
		cd "$dir"
		timeout 600 mvn -B -q dependency:copy-dependencies -DoutputDirectory="$dir" >"$log" 2>&1 </dev/null &&
			ls "$dir"/kafka_2.13-"$version".jar >/dev/null && touch "$dir/complete"
	) 9>"$dir/lock" || return 1
	echo "$dir"
}

# Ports below the range of outgoing connections, that nobody answers on.
free_port() {
	local port
	while :; do
		port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
		(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo $port; return; }
	done
}

pid_of() { [ -f "$1/pid" ] && cat "$1/pid" || true; }

# The process is ours only if it was started for this directory.
running() {
	local pid; pid=$(pid_of "$1")
	[ -n "$pid" ] && kill -0 "$pid" 2>/dev/null && tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF -- "$1/"
}

wait_gone() {
	local i
	for ((i = 0; i < $2 * 20; i++)); do running "$1" || return 0; sleep 0.05; done
	return 1
}

java_run() {
	local dir=$1; shift
	exec java -Xms64m -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel="${WEIR_KAFKA_JIT:-4}" \
		-Dorg.slf4j.simpleLogger.logFile=System.out -Dorg.slf4j.simpleLogger.defaultLogLevel=warn \
		-Dorg.slf4j.simpleLogger.showDateTime=true -Dkafka.logs.dir="$dir/" -Djava.awt.headless=true \
		-cp "$(cat "$dir/jars")/*" "$@"
}

configure() {
	local dir=$1 port=$2 cport=$3
	cat >"$dir/server.properties" <<EOF
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$cport
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$cport
advertised.listeners=PLAINTEXT://127.0.0.1:$port
controller.listener.names=CONTROLLER
log.dirs=$dir/data
num.partitions=1
auto.create.topics.enable=false
delete.topic.enable=true
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
controlled.shutdown.enable=false
log.retention.ms=-1
log.cleaner.enable=false
log.segment.delete.delay.ms=1000
message.max.bytes=16777216
EOF
	echo "127.0.0.1:$port" >"$dir/bootstrap"
}

launch_real() {
	local dir=$1
	(java_run "$dir" kafka.Kafka "$dir/server.properties") >>"$dir/log" 2>&1 </dev/null &
	echo $! >"$dir/pid"
	disown
	"$(ktool_path)" wait "$(cat "$dir/bootstrap")" 180 || { tail -20 "$dir/log" >&2; die "the broker did not start, see $dir/log"; }
}

launch_mock() {
	local dir=$1 i
	rm -f "$dir/bootstrap" "$dir/control"
	mkfifo "$dir/control"
	(exec "$(ktool_path)" mock "$dir/bootstrap" "${WEIR_KAFKA_BROKERS:-1}" <>"$dir/control") >>"$dir/log" 2>&1 &
	echo $! >"$dir/pid"
	disown
	for ((i = 0; i < 200; i++)); do [ -s "$dir/bootstrap" ] && return 0; sleep 0.05; done
	die "the emulation did not start, see $dir/log"
}

start() {
	local dir=$1 port=${2:-} jars=
	running "$dir" && die "already running in $dir"
	if [ "${WEIR_KAFKA:-}" != mock ]; then
		command -v java >/dev/null && jars=$(jars_dir) || jars=
		if [ -z "$jars" ]; then
			[ "${WEIR_KAFKA:-}" = real ] && die "Apache Kafka cannot be fetched from Maven Central"
			echo "broker.sh: Maven Central cannot be reached (or java, mvn are missing): librdkafka's broker emulation stands in" >&2
		fi
	fi
	if [ -z "$jars" ]; then
		echo "librdkafka mock" >"$dir/kind"
		launch_mock "$dir"
		return
	fi
	[ -f "$dir/server.properties" ] && die "$dir holds a broker already: use restart"
	echo "Apache Kafka $version" >"$dir/kind"
	echo "$jars" >"$dir/jars"
	configure "$dir" "${port:-$(free_port)}" "$(free_port)"
	(java_run "$dir" kafka.tools.StorageTool format -t "$(head -c 16 /dev/urandom | base64 | tr '+/' 'AB' | cut -c1-22)" \
		-c "$dir/server.properties") >"$dir/format.log" 2>&1 || { cat "$dir/format.log" >&2; die "formatting failed"; }
	launch_real "$dir"
}

stop() {
	local pid
	if running "$1"; then
		pid=$(pid_of "$1")
		kill -TERM "$pid" 2>/dev/null || true
		wait_gone "$1" 5 || { kill -KILL "$pid" 2>/dev/null || true; wait_gone "$1" 5; }
	fi
	rm -f "$1/pid"
}

kill_hard() {
	running "$1" || die "not running in $1"
	kill -KILL "$(pid_of "$1")"
	wait_gone "$1" 5
	rm -f "$1/pid"
}

restart() {
	running "$1" && stop "$1"
	if is_mock "$1"; then launch_mock "$1"; else launch_real "$1"; fi
}

is_mock() { [ "$(cat "$1/kind")" = "librdkafka mock" ]; }

mock_command() {
	local dir=$1; shift
	local before; before=$(wc -l <"$dir/log")
	echo "$*" >"$dir/control"
	for ((i = 0; i < 100; i++)); do
		[ "$(wc -l <"$dir/log")" -gt "$before" ] && break; sleep 0.02
	done
	! tail -n "+$((before + 1))" "$dir/log" | grep '^ktool:' >&2
}

topic() {
	local verb=$1 dir; dir=$(realpath "$2"); shift 2
	if is_mock "$dir"; then
		case $verb in
			create) mock_command "$dir" topic "$1" "$2"; return ;;
			add-partitions | delete-records | drop) die "the emulation cannot do topic $verb" ;;
		esac
	fi
	local boot; boot=$(cat "$dir/bootstrap")
	"$(ktool_path)" "$verb" "$boot" "$@"
}

verb=${1:-}; shift || true
case $verb in
	start) [ $# -ge 1 ] || die "start DIR [PORT]"
		mkdir -p "$1"; start "$(realpath "$1")" "${2:-}"
		cat "$1/bootstrap" ;;
	stop | restart) "$verb" "$(realpath "${1:?DIR}")" ;;
	kill) kill_hard "$(realpath "${1:?DIR}")" ;;
	running) running "$(realpath "${1:?DIR}")" ;;
	topic) topic "$@" ;;
	produce) dir=${1:?DIR}; shift; exec "$(ktool_path)" produce "$(cat "$dir/bootstrap")" "$@" ;;
	command) dir=$(realpath "${1:?DIR}"); shift; is_mock "$dir" || die "command is for the emulation"; mock_command "$dir" "$@" ;;
	fetch) jars_dir >/dev/null || die "Apache Kafka cannot be fetched from Maven Central" ;;
	ktool) ktool_path ;;
	*) sed -n '2,/^set/p' "$0" | grep '^#' | sed 's/^# \{0,1\}//' >&2; exit 2 ;;
esac
