/*
 * init.c
 *	  _PG_init: what Weir adds to a server, one call each.
 *
 * Loaded by shared_preload_libraries only.  In a library loaded later (LOAD,
 * or a function called on a server without the preload) nothing is installed
 * and every entry point says what to do (weir_shmem_require).
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"

#include "base/clock.h"
#include "base/settings.h"
#include "base/shmem.h"
#include "base/stats.h"
#include "flush/flush.h"
#include "groups/epoch.h"
#include "meta/adopted.h"
#include "meta/suspended.h"
#include "meta/view_changes.h"
#include "monitor/problems.h"
#include "process/launcher.h"
#include "process/missing.h"
#include "process/registry.h"
#include "process/renew.h"
#include "process/view_trouble.h"
#include "process/worker.h"
#include "read/combine.h"
#include "source/insert.h"
#include "source/kafka/worker.h"
#include "stream/feed.h"
#include "stream/queue_state.h"
#include "stream/xact_rows.h"
#include "time/watermark.h"
#include "view/utility.h"

PG_MODULE_MAGIC;

extern PGDLLEXPORT void _PG_init(void);

void
_PG_init(void)
{
	if (!process_shared_preload_libraries_in_progress)
		return;

	weir_settings_define();
	weir_clock_init();
	weir_queue_init();
	weir_feed_init();
	weir_epoch_init();
	weir_registry_init();
	weir_renew_init();
	weir_worker_init();
	weir_missing_init();
	weir_view_trouble_init();
	weir_problems_init();
	weir_stats_init();
	weir_watermark_init();
	weir_flush_init();
	weir_insert_init();
	weir_kafka_init();
	weir_shmem_init();
	weir_xact_rows_init();
	weir_suspended_init();
	weir_view_changes_init();
	weir_adopted_init();
	weir_utility_init();
	weir_combine_init();
	weir_launcher_register();
}
