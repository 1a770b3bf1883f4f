/*
 * buffer.h
 *	  A transition state that grows at its end: a varlena in expanded form.
 *
 * PostgreSQL flattens it into an ordinary value of the aggregate's state type
 * wherever it needs one, so that such a state can be a column of a matrel.
 */
#ifndef WEIR_AGG_BUFFER_H
#define WEIR_AGG_BUFFER_H

#include "postgres.h"

#include "fmgr.h"

#include "base/compat.h"

typedef struct AggBuffer AggBuffer;

/*
 * Argument arg of a transition or combine function as a buffer that lives as
 * long as the aggregate's state: the very one that is passed, or a new one
 * with what the value holds (nothing if it is NULL).  tail is what each value
 * ends in: it is not in the buffer, but added when it is flattened.  Errors
 * outside of aggregates (ERRCODE_WRONG_OBJECT_TYPE), and for a value that does
 * not begin with head and end in tail.
 */
extern AggBuffer *weir_agg_buffer(FunctionCallInfo fcinfo, int arg, const char *head, const char *tail);

/*
 * What is between head and tail of such a value; errors for one that is no
 * state.
 */
extern const char *weir_agg_state_content(Datum state, const char *head, const char *tail, Size *len);

/*
 * Is there nothing in it, not even the head?  Is there nothing but the head?
 */
extern bool weir_agg_buffer_is_new(const AggBuffer *buffer);
extern Size weir_agg_buffer_len(const AggBuffer *buffer);

/* What is behind the head, weir_agg_buffer_len bytes. */
extern const char *weir_agg_buffer_content(const AggBuffer *buffer);

/*
 * Errors with ERRCODE_PROGRAM_LIMIT_EXCEEDED when the value would be too
 * large.
 */
extern void weir_agg_buffer_append(AggBuffer *buffer, const void *data, Size len);
extern void weir_agg_buffer_append_text(AggBuffer *buffer, const char *text);

extern Datum weir_agg_buffer_datum(AggBuffer *buffer);

/*
 * The memory context of the running aggregate; errors outside of aggregates.
 */
extern MemoryContext weir_agg_context(FunctionCallInfo fcinfo);

/* ERRCODE_INVALID_PARAMETER_VALUE: a state that no aggregate made. */
pg_noreturn extern void weir_agg_bad_state(void);

#endif
