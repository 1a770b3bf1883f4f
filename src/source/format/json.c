/*
 * json.c
 *	  Messages that are JSON objects: fields into the columns of their names.
 *
 * A recursive descent over PostgreSQL's JSON lexer: the top level is matched
 * with columns by name, values below it are checked and taken as text.
 * Scalars go through the column type's input function, with short cuts that
 * give the same result for common types; arrays and composite values go
 * through json_populate_record, so they mean what they mean there.
 *
 * Called by workers, in a transaction.  Memory: what a row needs is left in
 * the caller's context, which is reset for each row.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "common/jsonapi.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

#include "base/compat.h"
#include "source/format/json.h"
#include "source/format/scalar.h"

/* How a column takes a value. */
typedef enum ColumnKind
{
	COLUMN_INPUT,				/* the type's input function */
	COLUMN_TEXT,				/* text as it is */
	COLUMN_INTEGER,				/* int2, int4, int8 */
	COLUMN_BOOL,
	COLUMN_TIMESTAMP,
	COLUMN_TIMESTAMPTZ,
	COLUMN_JSON,				/* json, jsonb: the value's text */
	COLUMN_NESTED				/* arrays and composites */
} ColumnKind;

typedef struct JsonColumn
{
	const char *name;
	int			namelen;
	int			attno;			/* attribute number - 1 */
	Oid			typid;
	int32		typmod;
	ColumnKind	kind;

	/*
	 * a date or a time, for which PostgreSQL takes digits in a form of their
	 * own
	 */
	bool		is_time;
	FmgrInfo	input;
	Oid			ioparam;

	/* COLUMN_NESTED: json_populate_record of a one-column row */
	FmgrInfo	populate;
	Datum		nested_row;
} JsonColumn;

/*
 * Where the n-th field of the last object went: the next object is likely
 * alike.
 */
typedef struct FieldGuess
{
	char	   *name;
	int			namelen;
	JsonColumn *column;			/* NULL: of no column */
} FieldGuess;

#define MAX_GUESSES 64

typedef struct JsonDecoder
{
	FormatDecoder base;
	MemoryContext cxt;
	int			ncolumns;
	JsonColumn *columns;		/* in order of compare_names */
	FieldGuess	guesses[MAX_GUESSES];
	StringInfoData buf;			/* a value as C string */
	const char *json;			/* the message; NULL: done */
	int			len;
} JsonDecoder;

/* A value: its token if it is a scalar, else all of its text. */
typedef struct JsonValue
{
	JsonTokenType type;
	const char *start;
	int			len;
} JsonValue;

static void init_column(JsonColumn *column, Form_pg_attribute att);
static void init_nested(JsonColumn *column);
static int	compare_columns(const void *a, const void *b);
static JsonColumn *column_of_field(JsonDecoder *decoder, int position, const char *name, int len);
static JsonColumn *search_column(JsonDecoder *decoder, const char *name, int len);
static void take_value(JsonDecoder *decoder, JsonColumn *column, const JsonValue *value,
					   Datum *result, bool *isnull);
static Datum take_nested(JsonDecoder *decoder, JsonColumn *column, const JsonValue *value, bool *isnull);
pg_noreturn static void json_error(JsonParseErrorType error, JsonLexContext *lex);
static void skip_value(JsonLexContext *lex);
static void unescape(const char **start, int *len);

/* ----------------------------------------------------------------
 * Tokens
 * ----------------------------------------------------------------
 */

static void
json_error(JsonParseErrorType error, JsonLexContext *lex)
{
	/* At the end there is no token to show. */
	if (lex->token_start == NULL)
		error = JSON_EXPECTED_MORE;
	/* Valid, but no text of this database's. */
	if (weir_json_error_is_untranslatable(error))
		ereport(ERROR,
				(errcode(ERRCODE_UNTRANSLATABLE_CHARACTER),
				 errmsg("unsupported Unicode escape sequence"),
				 errdetail_internal("%s", json_errdetail(error, lex))));
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("message is not valid JSON"),
			 errdetail_internal("%s", json_errdetail(error, lex))));
}

#define BYTES(b) (~UINT64CONST(0) / 255 * (b))

/* Which bytes are zero: their high bits, perhaps with more above the first. */
static inline uint64
zero_bytes(uint64 word)
{
	return (word - BYTES(0x01)) & ~word & BYTES(0x80);
}

/*
 * The end of a run of characters that mean themselves in a string: the first
 * quote, backslash or control character; or NULL.  Eight at a time.
 */
static inline const char *
plain_end(const char *s, const char *end)
{
	for (; end - s >= 8; s += 8)
	{
		uint64		word;

		memcpy(&word, s, 8);
		if (zero_bytes(word ^ BYTES('"')) | zero_bytes(word ^ BYTES('\\')) |
			((word - BYTES(0x20)) & ~word & BYTES(0x80)))
			break;
	}
	for (; s < end; s++)
		if (*s == '"' || *s == '\\' || (unsigned char) *s < 0x20)
			return s;
	return NULL;
}

/*
 * The end of a number without exponent; NULL if it is none, or not obviously.
 */
static inline const char *
number_end(const char *s, const char *end)
{
	const char *digits = s += *s == '-';

	while (s < end && *s >= '0' && *s <= '9')
		s++;
	if (s == digits || (*digits == '0' && s - digits > 1))
		return NULL;
	if (s < end && *s == '.')
	{
		digits = ++s;
		while (s < end && *s >= '0' && *s <= '9')
			s++;
		if (s == digits)
			return NULL;
	}
	return s < end && (*s == ',' || *s == '}' || *s == ']') ? s : NULL;
}

/*
 * Tokens as most messages have them, faster than the lexer, which takes one
 * character at a time.  False, and nothing changed, for all else.
 */
static inline bool
quick_token(JsonLexContext *lex)
{
	const char *s = lex->token_terminator;
	const char *end = lex->input + lex->input_length;
	const char *start;
	JsonTokenType type;

	while (s < end && *s == ' ')
		s++;
	if (s == end)
		return false;
	start = s;
	switch (*s++)
	{
		case '{':
			type = JSON_TOKEN_OBJECT_START;
			break;
		case '}':
			type = JSON_TOKEN_OBJECT_END;
			break;
		case ':':
			type = JSON_TOKEN_COLON;
			break;
		case ',':
			type = JSON_TOKEN_COMMA;
			break;
		case '"':
			type = JSON_TOKEN_STRING;
			s = plain_end(s, end);
			if (s == NULL || *s++ != '"')
				return false;
			break;
		default:
			type = JSON_TOKEN_NUMBER;
			s = number_end(start, end);
			if (s == NULL)
				return false;
			break;
	}
	lex->token_type = type;
	lex->token_start = (char *) start;
	lex->prev_token_terminator = lex->token_terminator;
	lex->token_terminator = (char *) s;
	return true;
}

static inline void
next_token(JsonLexContext *lex)
{
	JsonParseErrorType error;

	if (lex->strval == NULL && quick_token(lex))
		return;
	error = json_lex(lex);
	if (error != JSON_SUCCESS)
		json_error(error, lex);
}

/* Go past a token of this type, or error. */
static inline void
expect(JsonLexContext *lex, JsonTokenType type, JsonParseErrorType error)
{
	if (lex->token_type != type)
		json_error(error, lex);
	next_token(lex);
}

/* The content of the string token at hand, without quotes and escapes. */
static inline void
string_content(JsonLexContext *lex, const char **start, int *len)
{
	*start = lex->token_start + 1;
	*len = lex->token_terminator - lex->token_start - 2;
	if (memchr(*start, '\\', *len) != NULL)
	{
		(*start)--;
		*len += 2;
		unescape(start, len);
	}
}

/*
 * Let the lexer remove the escapes of a string token; the result is palloc'd.
 */
static void
unescape(const char **start, int *len)
{
	JsonLexContext *lex = weir_json_lex_create(*start, *len, true);

	next_token(lex);
	*start = lex->strval->data;
	*len = lex->strval->len;
}

/* Read a value; the lexer is left at the token behind it. */
static void
read_value(JsonLexContext *lex, JsonValue *value)
{
	value->type = lex->token_type;
	value->start = lex->token_start;
	switch (value->type)
	{
		case JSON_TOKEN_OBJECT_START:
		case JSON_TOKEN_ARRAY_START:
			skip_value(lex);
			value->len = lex->prev_token_terminator - value->start;
			break;
		case JSON_TOKEN_STRING:
		case JSON_TOKEN_NUMBER:
		case JSON_TOKEN_TRUE:
		case JSON_TOKEN_FALSE:
		case JSON_TOKEN_NULL:
			value->len = lex->token_terminator - value->start;
			next_token(lex);
			break;
		default:
			json_error(JSON_EXPECTED_JSON, lex);
			break;
	}
}

static void
skip_value(JsonLexContext *lex)
{
	JsonValue	ignored;
	bool		is_object = lex->token_type == JSON_TOKEN_OBJECT_START;
	JsonTokenType end = is_object ? JSON_TOKEN_OBJECT_END : JSON_TOKEN_ARRAY_END;

	check_stack_depth();
	next_token(lex);
	while (lex->token_type != end)
	{
		if (is_object)
		{
			expect(lex, JSON_TOKEN_STRING, JSON_EXPECTED_STRING);
			expect(lex, JSON_TOKEN_COLON, JSON_EXPECTED_COLON);
		}
		read_value(lex, &ignored);
		if (lex->token_type == end)
			break;
		expect(lex, JSON_TOKEN_COMMA,
			   is_object ? JSON_EXPECTED_OBJECT_NEXT : JSON_EXPECTED_ARRAY_NEXT);
		if (lex->token_type == end)
			json_error(is_object ? JSON_EXPECTED_STRING : JSON_EXPECTED_JSON, lex);
	}
	next_token(lex);
}

/* ----------------------------------------------------------------
 * Objects
 * ----------------------------------------------------------------
 */

static void
json_start(FormatDecoder *base, const char *bytes, int len)
{
	JsonDecoder *decoder = (JsonDecoder *) base;

	decoder->json = bytes;
	decoder->len = len;
}

/*
 * One object.  Fields of no column are checked for syntax and ignored; of a
 * repeated field the last counts.
 */
static bool
json_next(FormatDecoder *base, Datum *values, bool *nulls, bool *seen)
{
	JsonDecoder *decoder = (JsonDecoder *) base;
	JsonLexContext *lex;
	int			position = 0;

	if (decoder->json == NULL)
		return false;
	lex = weir_json_lex_create(decoder->json, decoder->len, false);
	decoder->json = NULL;
	next_token(lex);
	if (lex->token_type != JSON_TOKEN_OBJECT_START)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("message is not a JSON object")));
	next_token(lex);
	while (lex->token_type != JSON_TOKEN_OBJECT_END)
	{
		const char *name;
		int			namelen;
		JsonColumn *column;
		JsonValue	value;

		if (position > 0)
			expect(lex, JSON_TOKEN_COMMA, JSON_EXPECTED_OBJECT_NEXT);
		if (lex->token_type != JSON_TOKEN_STRING)
			json_error(position > 0 ? JSON_EXPECTED_STRING : JSON_EXPECTED_OBJECT_FIRST, lex);
		string_content(lex, &name, &namelen);
		next_token(lex);
		expect(lex, JSON_TOKEN_COLON, JSON_EXPECTED_COLON);
		read_value(lex, &value);
		column = column_of_field(decoder, position++, name, namelen);
		if (column)
		{
			base->column = column->attno;
			take_value(decoder, column, &value, &values[column->attno], &nulls[column->attno]);
			base->column = -1;
			seen[column->attno] = true;
		}
	}
	next_token(lex);
	if (lex->token_type != JSON_TOKEN_END)
		json_error(JSON_EXPECTED_END, lex);
	return true;
}

static inline bool
same_name(const char *a, int alen, const char *b, int blen)
{
	return alen == blen && memcmp(a, b, alen) == 0;
}

/* The column of this name, guessing that objects of a topic look alike. */
static JsonColumn *
column_of_field(JsonDecoder *decoder, int position, const char *name, int len)
{
	FieldGuess *guess = &decoder->guesses[Min(position, MAX_GUESSES - 1)];

	if (guess->name && same_name(guess->name, guess->namelen, name, len))
		return guess->column;
	if (guess->name)
		pfree(guess->name);
	guess->name = MemoryContextAlloc(decoder->cxt, len + 1);
	memcpy(guess->name, name, len);
	guess->namelen = len;
	guess->column = search_column(decoder, name, len);
	return guess->column;
}

static int
compare_columns(const void *a, const void *b)
{
	const JsonColumn *ca = a;
	const JsonColumn *cb = b;

	if (ca->namelen != cb->namelen)
		return ca->namelen < cb->namelen ? -1 : 1;
	return memcmp(ca->name, cb->name, ca->namelen);
}

static JsonColumn *
search_column(JsonDecoder *decoder, const char *name, int len)
{
	JsonColumn	key = {.name = name,.namelen = len};

	return bsearch(&key, decoder->columns, decoder->ncolumns, sizeof(JsonColumn), compare_columns);
}

/* ----------------------------------------------------------------
 * Values
 * ----------------------------------------------------------------
 */

static void
take_value(JsonDecoder *decoder, JsonColumn *column, const JsonValue *value,
		   Datum *result, bool *isnull)
{
	const char *text = value->start;
	int			len = value->len;

	*isnull = value->type == JSON_TOKEN_NULL;
	if (*isnull)
		return;
	if (column->kind == COLUMN_NESTED &&
		(value->type == JSON_TOKEN_OBJECT_START || value->type == JSON_TOKEN_ARRAY_START))
	{
		*result = take_nested(decoder, column, value, isnull);
		return;
	}
	if (value->type == JSON_TOKEN_NUMBER && column->is_time)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_DATETIME_FORMAT),
				 errmsg("a number is not taken for a %s", format_type_be(column->typid)),
				 errhint("Read it into a column of type bigint, and compute the time in a generated column.")));
	if (value->type == JSON_TOKEN_STRING && column->kind != COLUMN_JSON)
	{
		text++;
		len -= 2;
		if (memchr(text, '\\', len) != NULL)
		{
			text--;
			len += 2;
			unescape(&text, &len);
		}
	}
	switch (column->kind)
	{
		case COLUMN_TEXT:
			*result = PointerGetDatum(cstring_to_text_with_len(text, len));
			return;
		case COLUMN_INTEGER:
			if (weir_scalar_integer(text, len, column->typid, result))
				return;
			break;
		case COLUMN_BOOL:
			if (value->type == JSON_TOKEN_TRUE || value->type == JSON_TOKEN_FALSE)
			{
				*result = BoolGetDatum(value->type == JSON_TOKEN_TRUE);
				return;
			}
			break;
		case COLUMN_TIMESTAMP:
		case COLUMN_TIMESTAMPTZ:
			if (weir_scalar_timestamp(text, len, column->kind == COLUMN_TIMESTAMPTZ, result))
				return;
			break;
		default:
			break;
	}
	resetStringInfo(&decoder->buf);
	appendBinaryStringInfo(&decoder->buf, text, len);
	*result = InputFunctionCall(&column->input, decoder->buf.data, column->ioparam, column->typmod);
}

/* Arrays and objects as json_populate_record takes them. */
static Datum
take_nested(JsonDecoder *decoder, JsonColumn *column, const JsonValue *value, bool *isnull)
{
	StringInfoData wrapped;
	Datum		row;

	initStringInfo(&wrapped);
	appendStringInfoString(&wrapped, "{\"v\":");
	appendBinaryStringInfo(&wrapped, value->start, value->len);
	appendStringInfoChar(&wrapped, '}');
	row = FunctionCall3(&column->populate, column->nested_row,
						PointerGetDatum(cstring_to_text_with_len(wrapped.data, wrapped.len)),
						BoolGetDatum(false));
	return GetAttributeByNum(DatumGetHeapTupleHeader(row), 1, isnull);
}

/* ----------------------------------------------------------------
 * Setup
 * ----------------------------------------------------------------
 */

static FormatDecoder *
json_open(Relation rel, const bool *skip, List *options)
{
	JsonDecoder *decoder = palloc0(sizeof(JsonDecoder));
	TupleDesc	desc = RelationGetDescr(rel);

	decoder->cxt = CurrentMemoryContext;
	decoder->columns = palloc0(sizeof(JsonColumn) * Max(desc->natts, 1));
	initStringInfo(&decoder->buf);
	for (int i = 0; i < desc->natts; i++)
		if (!skip[i])
			init_column(&decoder->columns[decoder->ncolumns++], TupleDescAttr(desc, i));
	qsort(decoder->columns, decoder->ncolumns, sizeof(JsonColumn), compare_columns);
	return &decoder->base;
}

static ColumnKind
column_kind(Oid typid, int32 typmod)
{
	Oid			base = getBaseType(typid);

	switch (typid)
	{
		case TEXTOID:
			return COLUMN_TEXT;
		case VARCHAROID:
			return typmod == -1 ? COLUMN_TEXT : COLUMN_INPUT;
		case INT2OID:
		case INT4OID:
		case INT8OID:
			return COLUMN_INTEGER;
		case BOOLOID:
			return COLUMN_BOOL;
		case TIMESTAMPOID:
			return typmod == -1 ? COLUMN_TIMESTAMP : COLUMN_INPUT;
		case TIMESTAMPTZOID:
			return typmod == -1 ? COLUMN_TIMESTAMPTZ : COLUMN_INPUT;
	}
	if (base == JSONOID || base == JSONBOID)
		return COLUMN_JSON;
	if (OidIsValid(get_element_type(base)) || get_typtype(base) == TYPTYPE_COMPOSITE)
		return COLUMN_NESTED;
	return COLUMN_INPUT;
}

static bool
is_time(Oid typid)
{
	switch (getBaseType(typid))
	{
		case DATEOID:
		case TIMEOID:
		case TIMETZOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return true;
		default:
			return false;
	}
}

static void
init_column(JsonColumn *column, Form_pg_attribute att)
{
	Oid			input;

	column->name = pstrdup(NameStr(att->attname));
	column->namelen = strlen(column->name);
	column->attno = att->attnum - 1;
	column->typid = att->atttypid;
	column->typmod = att->atttypmod;
	column->kind = column_kind(att->atttypid, att->atttypmod);
	column->is_time = is_time(att->atttypid);
	getTypeInputInfo(att->atttypid, &input, &column->ioparam);
	fmgr_info(input, &column->input);
	if (column->kind == COLUMN_NESTED)
		init_nested(column);
}

/*
 * json_populate_record is told the type by a row: here an anonymous one with
 * this column only, so that other columns' domains have no say.
 */
static void
init_nested(JsonColumn *column)
{
	TupleDesc	desc = CreateTemplateTupleDesc(1);
	Datum		value = (Datum) 0;
	bool		isnull = true;
	Const	   *row,
			   *json,
			   *flag;

	TupleDescInitEntry(desc, 1, "v", column->typid, column->typmod, 0);
	desc = BlessTupleDesc(desc);
	column->nested_row = HeapTupleGetDatum(heap_form_tuple(desc, &value, &isnull));

	row = makeNullConst(RECORDOID, -1, InvalidOid);
	json = makeNullConst(JSONOID, -1, InvalidOid);
	flag = makeNullConst(BOOLOID, -1, InvalidOid);
	fmgr_info(F_JSON_POPULATE_RECORD, &column->populate);
	fmgr_info_set_expr((Node *) makeFuncExpr(F_JSON_POPULATE_RECORD, RECORDOID,
											 list_make3(row, json, flag),
											 InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL),
					   &column->populate);
}

const Format weir_format_json = {
	.name = "json",
	.open = json_open,
	.start = json_start,
	.next = json_next
};
