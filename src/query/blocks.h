/*
 * blocks.h
 *	  Steps of a sliding window put together: what makes reading many of them
 *	  cheap.
 */
#ifndef WEIR_QUERY_BLOCKS_H
#define WEIR_QUERY_BLOCKS_H

#include "postgres.h"

#include "utils/timestamp.h"

#include "query/cont_query.h"

/* Where steps and blocks are counted from. */
#define WEIR_STEP_ORIGIN ((UNIX_EPOCH_JDATE - POSTGRES_EPOCH_JDATE) * USECS_PER_DAY)

/*
 * Decide whether a sliding-window view of these options has blocks: sets
 * cq->block_usecs.
 */
extern void weir_blocks_decide(ContQuery *cq, const ContViewOptions *options);

/*
 * Place the columns of blocks for states [first, last), all those before being
 * placed already, at column and behind it; returns the next free one.
 */
extern int	weir_blocks_lay_out(ContQuery *cq, int first, int last, int column);

/*
 * Where the block begins that a step is in; an infinite one is a block of its
 * own.
 */
extern Timestamp weir_block_of(const ContQuery *cq, Timestamp step);

/*
 * What the view query reads in the place of the matrel, with the same keys and
 * states at the same places: rows [lower, upper) of the window as whole blocks
 * and single steps, each time once.  Bounds are of the step's type and run
 * once; upper may be NULL.  *cte is to be added to the query that the result
 * is put into.
 */
extern Query *weir_blocks_rows(ContQuery *cq, Oid matrelid, Node *lower, Node *upper, CommonTableExpr **cte);

#endif
