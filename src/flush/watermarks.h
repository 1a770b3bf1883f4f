/*
 * watermarks.h
 *	  Watermarks, as the flush worker has to do with them.
 */
#ifndef WEIR_FLUSH_WATERMARKS_H
#define WEIR_FLUSH_WATERMARKS_H

#include "postgres.h"

#include "nodes/pg_list.h"

/* Are there watermarks to write? */
extern bool weir_watermarks_pending(void);

/* Write the watermarks as of the last rotation of the epoch.  In SPI. */
extern void weir_watermarks_write(void);

/*
 * Move the watermarks of streams whose partitions are idle, in the current
 * transaction. Returns true when something was written: call
 * weir_watermark_stored when it has committed.
 */
extern bool weir_watermarks_tick(List *views);

/*
 * Delete windows that were closed long enough ago, up to a limit per view.
 * Returns true when there is more.
 */
extern bool weir_watermarks_expire(List *views, int limit);

#endif
