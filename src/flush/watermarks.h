/*
 * watermarks.h
 *	  Watermarks, as the flush worker has to do with them.
 */
#ifndef WEIR_FLUSH_WATERMARKS_H
#define WEIR_FLUSH_WATERMARKS_H

#include "postgres.h"

#include "nodes/pg_list.h"

/* Are there watermarks to be written? */
extern bool weir_watermarks_pending(void);

/* Write them, in SPI, as of the last cut. */
extern void weir_watermarks_write(void);

/*
 * Idle partitions let the watermark go on though no rows come; in a
 * transaction.  True when something was written: weir_watermark_stored is to be
 * called when it has committed.
 */
extern bool weir_watermarks_tick(List *views);

/* Delete windows closed long ago, up to a limit of each view; true when there is more. */
extern bool weir_watermarks_expire(List *views, int limit);

#endif
