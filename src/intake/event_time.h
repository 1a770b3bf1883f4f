/*
 * event_time.h
 *	  Event time of batches: bad times, and the watermarks that rows are judged
 *	  by.
 */
#ifndef WEIR_INTAKE_EVENT_TIME_H
#define WEIR_INTAKE_EVENT_TIME_H

#include "postgres.h"

#include "groups/epoch.h"
#include "intake/intake.h"

/*
 * Before the queries run over a batch, in their transaction: turn rows whose
 * time is too far in the future into dead letters, and hold the watermarks
 * that the others are judged by, for the run or (NULL) for this process until
 * its transaction aborts.
 */
extern void weir_event_begin(Intake *intake, Run *run);

/*
 * The same for streams that were added to the batch since, from number first
 * on.
 */
extern void weir_event_begin_streams(Intake *intake, int first);

/*
 * Note that the batch has been merged into the active epoch (run NULL) or the
 * run: advance the watermarks and release what is held.
 */
extern void weir_event_merged(Intake *intake, Run *run);

/*
 * Judge rows of another run of the same transaction by the watermarks that
 * this run holds.
 */
extern void weir_event_share(Run *run, Run *other);

/*
 * Begin a batch that is taken in in parts: forget times noted for an earlier
 * one.
 */
extern void weir_event_begin_parts(void);

/* Note that the active epoch has adopted the run. */
extern void weir_event_adopted(Run *run);

/*
 * Make the watermark of a Kafka stream wait for all of its partitions. In a
 * transaction.
 */
extern void weir_event_expect(Oid streamid, int npartitions);

#endif
