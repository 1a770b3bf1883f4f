/*
 * sketch.h
 *	  What the sketches have in common: header, bytes, hashing, input and
 *	  output.
 *
 * A sketch is a value of a type of its own, and the transition state of its
 * aggregates: these change it in place.  Every sketch begins with
 *
 *	header := length (PostgreSQL's) 'W' kind version parameter	(a byte each)
 *
 * and its numbers are low byte first on every machine.  Its text and binary
 * forms are these bytes, checked in full when they are read: whatever is in a
 * sketch is as it should be, so functions trust it.
 */
#ifndef WEIR_SKETCH_SKETCH_H
#define WEIR_SKETCH_SKETCH_H

#include "postgres.h"

#include "fmgr.h"

#include "base/compat.h"

#define SKETCH_MAGIC 'W'
#define SKETCH_VERSION 1		/* of all kinds */

typedef struct Sketch
{
	int32		vl_len_;
	uint8		magic;
	uint8		kind;
	uint8		version;
	uint8		param;
} Sketch;

/*
 * A new one of this many bytes, zeros behind the header, in
 * CurrentMemoryContext.
 */
extern Sketch *weir_sketch_new(Size size, uint8 kind, uint8 param);

/*
 * The sketch itself, not toasted; errors for another version than
 * SKETCH_VERSION.
 */
extern Sketch *weir_sketch_known(Sketch *sketch);

/*
 * Argument arg, not toasted.  To ask it for the value that is another
 * argument; it is the function's then.  To change it: in an aggregate the
 * first argument itself, else a copy.  Both in CurrentMemoryContext if they
 * are copies.  Errors as weir_sketch_known does.
 */
extern Sketch *weir_sketch_arg(FunctionCallInfo fcinfo, int arg);
extern Sketch *weir_sketch_arg_to_ask(FunctionCallInfo fcinfo, int arg);
extern Sketch *weir_sketch_arg_to_change(FunctionCallInfo fcinfo, int arg);

/*
 * Argument arg, a value of any type that is not NULL; a literal without a type
 * is text.
 */
extern Oid	weir_sketch_value_type(FunctionCallInfo fcinfo, int arg);
extern Datum weir_sketch_value(FunctionCallInfo fcinfo, int arg);

/*
 * Hash of argument arg, which is not NULL; equal values of a type have the
 * same.
 */
extern uint64 weir_sketch_hash(FunctionCallInfo fcinfo, int arg);

/*
 * The text and the binary form, of which check says that it is one of its
 * kind.
 */
typedef bool (*sketch_check) (const Sketch *sketch, Size size);
extern Datum weir_sketch_in(FunctionCallInfo fcinfo, const char *type, sketch_check check);
extern Datum weir_sketch_recv(FunctionCallInfo fcinfo, const char *type, sketch_check check);

/*
 * The bytes in hexadecimal, as bytea, whatever bytea_output says: a C string.
 */
extern Datum weir_sketch_text(const Sketch *sketch);

/* Does it begin as a sketch of this kind does?  Errors for another version. */
extern bool weir_sketch_begins(const Sketch *sketch, Size size, uint8 kind);

/* The arguments of a VARIADIC array of sketches, NULLs left out. */
extern int	weir_sketch_array(FunctionCallInfo fcinfo, int arg, Sketch ***sketches);

/*
 * float8 argument arg, which must be greater than 0 and less than 1; name for
 * the error.
 */
extern double weir_sketch_fraction(FunctionCallInfo fcinfo, int arg, const char *name);

/* Numbers low byte first; any alignment. */
static inline uint32
sketch_get32(const void *p)
{
	uint32		v;

	memcpy(&v, p, sizeof(v));
#ifdef WORDS_BIGENDIAN
	v = __builtin_bswap32(v);
#endif
	return v;
}

static inline void
sketch_put32(void *p, uint32 v)
{
#ifdef WORDS_BIGENDIAN
	v = __builtin_bswap32(v);
#endif
	memcpy(p, &v, sizeof(v));
}

static inline uint64
sketch_get64(const void *p)
{
	uint64		v;

	memcpy(&v, p, sizeof(v));
#ifdef WORDS_BIGENDIAN
	v = __builtin_bswap64(v);
#endif
	return v;
}

static inline void
sketch_put64(void *p, uint64 v)
{
#ifdef WORDS_BIGENDIAN
	v = __builtin_bswap64(v);
#endif
	memcpy(p, &v, sizeof(v));
}

#endif
