/*
 * buffer.c
 *	  A transition state that grows at its end: a varlena in expanded form.
 *
 * Used by the aggregates that put texts one after the other.  Process-local;
 * an object's memory is a context below the aggregate's, as PostgreSQL wants
 * it of expanded objects that are transition states.
 *
 * Room is doubled when it runs out, so that appending costs what is appended.
 */
#include "postgres.h"

#include "utils/expandeddatum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "agg/buffer.h"
#include "base/compat.h"

#define FIRST_SIZE 128

struct AggBuffer
{
	ExpandedObjectHeader hdr;
	const char *tail;
	Size		tail_len;
	Size		head_len;
	Size		len;
	Size		max;
	char	   *data;
};

static Size buffer_flat_size(ExpandedObjectHeader *eohptr);
static void buffer_flatten(ExpandedObjectHeader *eohptr, void *result, Size allocated_size);
static void load(AggBuffer *buffer, Datum value, const char *head);

static const ExpandedObjectMethods buffer_methods = {buffer_flat_size, buffer_flatten};

MemoryContext
weir_agg_context(FunctionCallInfo fcinfo)
{
	MemoryContext cxt;

	if (!AggCheckCallContext(fcinfo, &cxt))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("function %s is called outside of an aggregate", get_func_name(fcinfo->flinfo->fn_oid))));
	return cxt;
}

void
weir_agg_bad_state(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid state of an aggregate")));
}

AggBuffer *
weir_agg_buffer(FunctionCallInfo fcinfo, int arg, const char *head, const char *tail)
{
	MemoryContext cxt = weir_agg_context(fcinfo);
	AggBuffer  *buffer;

	if (!PG_ARGISNULL(arg) && VARATT_IS_EXTERNAL_EXPANDED_RW(PG_GETARG_POINTER(arg)))
	{
		buffer = (AggBuffer *) DatumGetEOHP(PG_GETARG_DATUM(arg));
		if (buffer->hdr.eoh_methods == &buffer_methods && buffer->tail == tail)
			return buffer;
	}
	cxt = AllocSetContextCreate(cxt, "weir aggregate buffer", ALLOCSET_START_SMALL_SIZES);
	buffer = MemoryContextAllocZero(cxt, sizeof(AggBuffer));
	EOH_init_header(&buffer->hdr, &buffer_methods, cxt);
	buffer->tail = tail;
	buffer->tail_len = strlen(tail);
	buffer->head_len = strlen(head);
	if (!PG_ARGISNULL(arg))
		load(buffer, PG_GETARG_DATUM(arg), head);
	return buffer;
}

bool
weir_agg_buffer_is_new(const AggBuffer *buffer)
{
	return buffer->len == 0;
}

Size
weir_agg_buffer_len(const AggBuffer *buffer)
{
	return buffer->len - buffer->head_len;
}

const char *
weir_agg_buffer_content(const AggBuffer *buffer)
{
	return buffer->data + buffer->head_len;
}

void
weir_agg_buffer_append(AggBuffer *buffer, const void *data, Size len)
{
	Size		limit = MaxAllocSize - VARHDRSZ - buffer->tail_len;

	if (len > limit || buffer->len > limit - len)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the value of an aggregate exceeds the maximum of %zu bytes", limit),
				 errdetail("%zu bytes are to be added to %zu.", len, buffer->len)));
	if (buffer->len + len > buffer->max)
	{
		buffer->max = Max(buffer->max * 2, FIRST_SIZE);
		buffer->max = Min(Max(buffer->max, buffer->len + len), limit);
		buffer->data = buffer->data ? repalloc(buffer->data, buffer->max) :
			MemoryContextAlloc(buffer->hdr.eoh_context, buffer->max);
	}
	memcpy(buffer->data + buffer->len, data, len);
	buffer->len += len;
}

void
weir_agg_buffer_append_text(AggBuffer *buffer, const char *text)
{
	weir_agg_buffer_append(buffer, text, strlen(text));
}

Datum
weir_agg_buffer_datum(AggBuffer *buffer)
{
	return EOHPGetRWDatum(&buffer->hdr);
}

static void
load(AggBuffer *buffer, Datum value, const char *head)
{
	Size		len;
	const char *content = weir_agg_state_content(value, head, buffer->tail, &len);

	weir_agg_buffer_append_text(buffer, head);
	weir_agg_buffer_append(buffer, content, len);
}

const char *
weir_agg_state_content(Datum state, const char *head, const char *tail, Size *len)
{
	struct varlena *flat = PG_DETOAST_DATUM_PACKED(state);
	const char *data = VARDATA_ANY(flat);
	Size		size = VARSIZE_ANY_EXHDR(flat);
	Size		head_len = strlen(head);
	Size		tail_len = strlen(tail);

	if (size < head_len + tail_len || memcmp(data, head, head_len) != 0 ||
		memcmp(data + size - tail_len, tail, tail_len) != 0)
		weir_agg_bad_state();
	*len = size - head_len - tail_len;
	return data + head_len;
}

static Size
buffer_flat_size(ExpandedObjectHeader *eohptr)
{
	AggBuffer  *buffer = (AggBuffer *) eohptr;

	return VARHDRSZ + buffer->len + buffer->tail_len;
}

static void
buffer_flatten(ExpandedObjectHeader *eohptr, void *result, Size allocated_size)
{
	AggBuffer  *buffer = (AggBuffer *) eohptr;

	SET_VARSIZE(result, allocated_size);
	if (buffer->len > 0)
		memcpy(VARDATA(result), buffer->data, buffer->len);
	memcpy(VARDATA(result) + buffer->len, buffer->tail, buffer->tail_len);
}
