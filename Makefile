# Weir: continuous views over streams.
#
#   make && make install     build and install (needs PostgreSQL headers, librdkafka)
#   make check               everything, on a bare Debian 12 too (as root)
#   make pg-regress          PostgreSQL's own regression tests on a server with Weir
#   make oracle              2,000 random views against batch (N=, SEED=); make fuzz: CREATE VIEW statements that are mostly wrong
#   make fuzz-functions      every function with arguments that are (SECONDS=, SEED=)
#   make torture             kills, DDL, windows, full disks and other faults, for hours (T='pattern ...')
#   make hostile             hostile functions, DDL and locks against a bystander
#   make demo                see it work
#   make bench               every target beside its baseline, half an hour; make bench-quick: five minutes
#   make bench-scale         how cost grows, with plots, 25 minutes; make bench-scale-quick: four minutes

MODULE_big = weir
EXTENSION = weir
DATA = weir--1.0.sql
PGFILEDESC = "weir - continuous views over streams"

# In the order in which a row meets them: this is the table of contents.
OBJS = \
	src/init.o \
	src/base/settings.o \
	src/base/shmem.o \
	src/base/arena.o \
	src/base/stat_table.o \
	src/base/stats.o \
	src/base/clock.o \
	src/base/attempt.o \
	src/base/own_table.o \
	src/base/time_limit.o \
	src/base/errors.o \
	src/base/owner.o \
	src/meta/property.o \
	src/meta/event_options.o \
	src/meta/options.o \
	src/meta/extension.o \
	src/meta/relation.o \
	src/meta/suspended.o \
	src/meta/view_changes.o \
	src/meta/view_options.o \
	src/meta/view_row.o \
	src/meta/cont_view.o \
	src/meta/adopted.o \
	src/meta/late_stream.o \
	src/time/window_functions.o \
	src/time/watermark.o \
	src/agg/buffer.o \
	src/agg/list.o \
	src/agg/call.o \
	src/agg/value.o \
	src/agg/value_hash.o \
	src/agg/value_bytes.o \
	src/agg/top_n.o \
	src/agg/interval.o \
	src/agg/array_agg.o \
	src/agg/string_agg.o \
	src/agg/json_agg.o \
	src/agg/jsonb_agg.o \
	src/agg/json_sum.o \
	src/agg/state_type.o \
	src/agg/partial.o \
	src/agg/key.o \
	src/sketch/sketch.o \
	src/sketch/hll.o \
	src/sketch/bloom.o \
	src/sketch/count_min.o \
	src/sketch/top_k_count.o \
	src/sketch/top_k.o \
	src/sketch/tdigest.o \
	src/sketch/buckets.o \
	src/stream/row_maker.o \
	src/stream/stream_row.o \
	src/stream/fdw.o \
	src/stream/section.o \
	src/stream/message.o \
	src/stream/queue_state.o \
	src/stream/queue_park.o \
	src/stream/queue_warn.o \
	src/stream/queue_wait.o \
	src/stream/queue.o \
	src/stream/feed.o \
	src/stream/spool.o \
	src/stream/xact_rows.o \
	src/stream/batch.o \
	src/query/expr.o \
	src/query/def.o \
	src/query/cont_query.o \
	src/query/constants.o \
	src/query/analyze.o \
	src/query/flatten.o \
	src/query/union.o \
	src/query/sliding.o \
	src/query/window_call.o \
	src/query/window.o \
	src/query/view_expr.o \
	src/query/kind_sliding.o \
	src/query/kind_hop.o \
	src/query/kind_session.o \
	src/query/panes.o \
	src/query/late.o \
	src/query/counterpart.o \
	src/query/session.o \
	src/query/grouping.o \
	src/query/values.o \
	src/query/values_kept.o \
	src/query/blocks.o \
	src/query/prepare.o \
	src/query/columns.o \
	src/query/split.o \
	src/query/state_expr.o \
	src/query/values_view.o \
	src/query/view_query.o \
	src/query/primary_key.o \
	src/runtime/plan.o \
	src/runtime/on_time.o \
	src/runtime/run.o \
	src/runtime/spec.o \
	src/runtime/execute.o \
	src/groups/state_size.o \
	src/groups/table.o \
	src/groups/stored_note.o \
	src/groups/run.o \
	src/groups/offset.o \
	src/groups/merge.o \
	src/groups/epoch.o \
	src/groups/order.o \
	src/groups/spill.o \
	src/groups/sorted.o \
	src/groups/visit.o \
	src/matrel/guard.o \
	src/matrel/shape.o \
	src/matrel/lock.o \
	src/matrel/whole.o \
	src/matrel/distinct_state.o \
	src/matrel/writer.o \
	src/matrel/block_writer.o \
	src/matrel/write.o \
	src/matrel/remove.o \
	src/matrel/partition_bound.o \
	src/matrel/closed.o \
	src/matrel/expire.o \
	src/matrel/partition.o \
	src/matrel/partition_drop.o \
	src/process/registry.o \
	src/process/renew.o \
	src/process/missing.o \
	src/process/tasks.o \
	src/process/launcher.o \
	src/process/worker.o \
	src/process/view_trouble.o \
	src/intake/intake.o \
	src/intake/event_time.o \
	src/intake/divert.o \
	src/intake/fast_path.o \
	src/intake/slow_path.o \
	src/intake/take_in.o \
	src/intake/parts.o \
	src/intake/ingest.o \
	src/source/format/scalar.o \
	src/source/format/formats.o \
	src/source/format/column.o \
	src/source/format/csv.o \
	src/source/format/json.o \
	src/source/format/raw.o \
	src/source/format/text.o \
	src/source/kafka/client.o \
	src/source/kafka/conf.o \
	src/source/kafka/row.o \
	src/source/kafka/decode.o \
	src/source/kafka/stat.o \
	src/source/offsets.o \
	src/source/source.o \
	src/source/kafka/begin.o \
	src/source/kafka/state.o \
	src/source/kafka/partitions.o \
	src/source/kafka/worker.o \
	src/source/transaction.o \
	src/source/insert.o \
	src/flush/tend.o \
	src/flush/expiry.o \
	src/flush/partitioning.o \
	src/flush/faulty_groups.o \
	src/flush/write_view.o \
	src/flush/watermarks.o \
	src/flush/notes.o \
	src/flush/aside_list.o \
	src/flush/aside_table.o \
	src/flush/set_aside.o \
	src/flush/housekeeping.o \
	src/flush/flush.o \
	src/flush/wait.o \
	src/read/states.o \
	src/read/combine_values.o \
	src/read/combine_hidden.o \
	src/read/combine_inline.o \
	src/read/combine_state.o \
	src/read/combine.o \
	src/view/statement.o \
	src/view/stored_options.o \
	src/view/define.o \
	src/view/notices.o \
	src/view/temporary.o \
	src/view/def_view.o \
	src/view/view_plan.o \
	src/view/create.o \
	src/view/replace.o \
	src/view/refuse.o \
	src/view/alter.o \
	src/view/drop.o \
	src/view/orphan.o \
	src/view/adopt.o \
	src/view/control.o \
	src/view/ttl.o \
	src/view/narrow.o \
	src/view/stream_ddl.o \
	src/view/type_ddl.o \
	src/view/utility.o \
	src/monitor/problems.o \
	src/monitor/waiting.o \
	src/monitor/health.o \
	src/monitor/show.o

# Symbols stay inside: libraries of a server share one namespace.  PostgreSQL 15
# leaves PGDLLEXPORT empty, 16 and later define it themselves.
PG_CFLAGS = -fvisibility=hidden
PG_CPPFLAGS = -I$(CURDIR)/src \
	$(if $(filter 15,$(MAJORVERSION)),-D'PGDLLEXPORT=__attribute__((visibility("default")))')
SHLIB_LINK = -lrdkafka

# ---- Tests and demo have servers of their own and do without PGXS ----
ifneq ($(filter hostile check check-sanitize torture oracle fuzz fuzz-functions demo bench bench-quick bench-scale bench-scale-quick lint pg-regress,$(MAKECMDGOALS)),)
include test/check.mk
else
# ---- end of tests and demo ----
PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# Layouts are shared between files: any header rebuilds all.
$(OBJS): $(wildcard src/*/*.h src/*/*/*.h)
endif
