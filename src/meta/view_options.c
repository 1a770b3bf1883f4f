/*
 * view_options.c
 *	  The options of CREATE VIEW ... WITH (...) over a stream: the table of
 *	  them.
 *
 * What an option means for the view is not said here: view/stored_options.c
 * makes of the options that are given those that are stored.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "parser/scansup.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

#include "meta/extension.h"
#include "meta/view_options.h"

#define TRANSFORM_HINT "What a transform did to rows can be written into the view, as a subquery in FROM. For others to have its rows, use a trigger on an ordinary table."

/*
 * What a column of weir.continuous_view keeps, and what holds it in
 * ContViewOptions.
 */
typedef enum ColumnKind
{
	COLUMN_INTERVAL,			/* Interval */
	COLUMN_USECS,				/* interval of int64 microseconds */
	COLUMN_NAME,				/* NameData */
	COLUMN_NAMES,				/* name[] of a List of char * */
	COLUMN_INT,					/* int; 0: NULL */
	COLUMN_RELATION,			/* Oid; InvalidOid: NULL */
	COLUMN_FLAG,				/* one of two words: bool */
	COLUMN_WORD					/* one of some words: an enum, int */
} ColumnKind;

/* When CREATE OR REPLACE VIEW compares an option with that of before. */
typedef enum CompareWhen
{
	/* by name; what it means is compared elsewhere */
	COMPARE_NEVER,
	COMPARE_GIVEN,
	COMPARE_ALWAYS
} CompareWhen;

typedef struct ViewOption
{
	const char *name;			/* in WITH (...) */
	void		(*read) (const struct ViewOption *option, DefElem *defel, void *field);

	/* offset of the field in GivenOptions; NO_FIELD: none */
	int			given;
	CompareWhen compare;

	/*
	 * of weir.continuous_view; InvalidAttrNumber: none, and nothing of the
	 * following
	 */
	AttrNumber	column;
	ColumnKind	kind;
	int			stored;			/* offset in ContViewOptions of the value, */

	/* and of a bool that says whether there is one; NO_FIELD: always */
	int			flag;
	const char *label;			/* in a message, instead of the name */

	/*
	 * of COLUMN_FLAG and COLUMN_WORD, in order of their values; NULL ends them
	 */
	const char *const *words;

	/* what the column has when the option is not given; NULL: NULL */
	const char *initial;

	/* how to change it later, of view %s; NULL: not at all */
	const char *change;
	bool		of_matrel;		/* %s is the matrel */
} ViewOption;

static void read_action(const ViewOption *option, DefElem *defel, void *field);
static void read_interval(const ViewOption *option, DefElem *defel, void *field);
static void read_length(const ViewOption *option, DefElem *defel, void *field);
static void read_identifier(const ViewOption *option, DefElem *defel, void *field);
static void read_string(const ViewOption *option, DefElem *defel, void *field);
static void read_word(const ViewOption *option, DefElem *defel, void *field);
static void read_defelem(const ViewOption *option, DefElem *defel, void *field);
static void read_fillfactor(const ViewOption *option, DefElem *defel, void *field);
static void read_step_factor(const ViewOption *option, DefElem *defel, void *field);

static const char *const emit_words[] = {"changes", "final", NULL};
static const char *const late_words[] = {"update", "drop", "divert", NULL};

#define NO_FIELD (-1)
#define GIVEN(field) offsetof(GivenOptions, field)
#define CHANGE_FILLFACTOR "Use ALTER TABLE %s SET (fillfactor = ...)."
#define CHANGE_TTL "Use SELECT weir.set_ttl('%s', ttl, ttl_column)."
#define STORED(field) offsetof(ContViewOptions, field)

/* Differences are told in this order. */
static const ViewOption view_options[] = {
	{"sw", read_interval, GIVEN(sw), COMPARE_ALWAYS,
	Anum_view_sw, COLUMN_INTERVAL, STORED(sw), STORED(sliding), "sliding window"},
	{"step_factor", read_step_factor, GIVEN(step_factor), COMPARE_ALWAYS,
	Anum_view_step, COLUMN_USECS, STORED(step_usecs), STORED(sliding), "sliding window"},
	{"sw_column", read_identifier, GIVEN(sw_column), COMPARE_NEVER},
	{"emit", read_word, GIVEN(emit), COMPARE_ALWAYS,
	Anum_view_emit, COLUMN_FLAG, STORED(final), NO_FIELD, NULL, emit_words, "changes"},
	{"late", read_word, GIVEN(late), COMPARE_ALWAYS,
	Anum_view_late, COLUMN_WORD, STORED(late), NO_FIELD, NULL, late_words, "update"},
	{"late_stream", read_defelem, GIVEN(late_stream), COMPARE_ALWAYS,
	Anum_view_late_stream, COLUMN_RELATION, STORED(late_stream), NO_FIELD},
	{"allowed_lateness", read_length, GIVEN(allowed_lateness), COMPARE_ALWAYS,
	Anum_view_allowed_lateness, COLUMN_INTERVAL, STORED(lateness), NO_FIELD, NULL, NULL, "00:00:00"},
	{"retention", read_length, GIVEN(retention), COMPARE_ALWAYS,
	Anum_view_retention, COLUMN_INTERVAL, STORED(retention), STORED(retained)},
	{"ttl", read_interval, GIVEN(ttl), COMPARE_GIVEN,
	Anum_view_ttl, COLUMN_INTERVAL, STORED(ttl), STORED(has_ttl), .change = CHANGE_TTL},
	{"ttl_column", read_identifier, GIVEN(ttl_column), COMPARE_NEVER,
	Anum_view_ttl_column, COLUMN_NAME, STORED(ttl_column), STORED(has_ttl), .change = CHANGE_TTL},
	{"fillfactor", read_fillfactor, GIVEN(fillfactor), COMPARE_GIVEN,
	Anum_view_fillfactor, COLUMN_INT, STORED(fillfactor), NO_FIELD, .change = CHANGE_FILLFACTOR, .of_matrel = true},
	{"pk", read_string, GIVEN(pk), COMPARE_GIVEN,
	Anum_view_pk, COLUMN_NAMES, STORED(pk), NO_FIELD},
	{"partition_by", read_identifier, GIVEN(partition_by), COMPARE_GIVEN,
	Anum_view_partition_by, COLUMN_NAME, STORED(partition_column), STORED(partitioned)},
	{"partition_interval", read_length, GIVEN(partition_interval), COMPARE_GIVEN,
	Anum_view_partition_interval, COLUMN_INTERVAL, STORED(partition_interval), STORED(partitioned), "option \"partition_by\""},
	{"tablespace", read_identifier, GIVEN(tablespace), COMPARE_NEVER},
	{"action", read_action, NO_FIELD, COMPARE_NEVER},
};

static const char *const later_options[] = {"outputfunc"};
static const char *const own_options[] = {"security_barrier", "security_invoker", "check_option"};

#define MIN_FILLFACTOR 10
#define MAX_FILLFACTOR 100
#define MAX_STEP_FACTOR 50

#define IS_ONE_OF(name, names) is_one_of(name, names, lengthof(names))

static int	find_option(const char *name);
static bool is_one_of(const char *name, const char *const *names, int n);
static void check_pairs(const GivenOptions *given);
static void refuse_own_option(DefElem *defel);
static void refuse_unknown(const char *name);
static void refuse_second(DefElem *defel, List *before);
static bool is_null(const ViewOption *option, const ContViewOptions *options);
static bool is_same(const ViewOption *option, const ContViewOptions *a, const ContViewOptions *b);
static Datum to_datum(const ViewOption *option, const void *value);
static void from_datum(const ViewOption *option, Datum datum, void *value);
static bool same_interval(const Interval *a, const Interval *b);
static bool same_names(List *a, List *b);
static Datum array_of_names(List *names);
static List *names_list(ArrayType *array);
static int	word_index(const ViewOption *option, const char *word);

void
weir_view_options_read(List *defelems, GivenOptions *given, List **rest)
{
	ListCell   *lc;

	memset(given, 0, sizeof(GivenOptions));
	*rest = NIL;
	foreach(lc, defelems)
	{
		DefElem    *defel = lfirst_node(DefElem, lc);
		int			n = defel->defnamespace == NULL ? find_option(defel->defname) : -1;

		refuse_second(defel, list_copy_head(defelems, foreach_current_index(lc)));
		if (n >= 0)
		{
			const ViewOption *option = &view_options[n];

			option->read(option, defel, option->given == NO_FIELD ? NULL : (char *) given + option->given);
			given->which = bms_add_member(given->which, n);
		}
		else if (defel->defnamespace == NULL && IS_ONE_OF(defel->defname, own_options))
		{
			refuse_own_option(defel);
			*rest = lappend(*rest, defel);
		}
		else
			refuse_unknown(defel->defname);
	}
	check_pairs(given);
}

void
weir_view_options_refuse(List *defelems)
{
	ListCell   *lc;

	foreach(lc, defelems)
	{
		const char *name = lfirst_node(DefElem, lc)->defname;

		if (find_option(name) >= 0 || IS_ONE_OF(name, later_options))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("\"%s\" can only be specified for a view that reads a stream", name),
					 errhint("Continuous views must include a stream in the FROM clause.")));
	}
}

static int
find_option(const char *name)
{
	for (int i = 0; i < lengthof(view_options); i++)
		if (strcmp(name, view_options[i].name) == 0)
			return i;
	return -1;
}

static bool
is_one_of(const char *name, const char *const *names, int n)
{
	for (int i = 0; i < n; i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

static void
check_pairs(const GivenOptions *given)
{
	if (given->sw_column && !given->sw)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"sw_column\" must be passed in conjunction with the \"sw\" option"),
				 errhint("Give the length of the window too, for example WITH (sw = '1 hour').")));
	if ((given->ttl == NULL) != (given->ttl_column == NULL))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 given->ttl ?
				 errmsg("ttl_column must be specified in conjunction with ttl") :
				 errmsg("ttl must be specified in conjunction with ttl_column"),
				 errhint("For example, WITH (ttl = '1 month', ttl_column = 'minute').")));
	if ((given->partition_by == NULL) != (given->partition_interval == NULL))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 given->partition_by ?
				 errmsg("partition_interval must be specified in conjunction with partition_by") :
				 errmsg("partition_by must be specified in conjunction with partition_interval"),
				 errhint("For example, WITH (partition_by = 'day', partition_interval = '1 day').")));
}

static void
refuse_own_option(DefElem *defel)
{
	if (strcmp(defel->defname, "check_option") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("continuous views do not support WITH CHECK OPTION"),
				 errhint("Rows are inserted into the stream; put the condition into the view's WHERE clause.")));
	if (strcmp(defel->defname, "security_invoker") == 0 && defGetBoolean(defel))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("continuous views do not support security_invoker"),
				 errdetail("A continuous view is kept up to date with its owner's rights."),
				 errhint("Create an ordinary view with security_invoker over the continuous view.")));
}

static int
compare_names(const ListCell *a, const ListCell *b)
{
	return strcmp(lfirst(a), lfirst(b));
}

static List *
sorted_names(void)
{
	List	   *names = NIL;

	for (int i = 0; i < lengthof(view_options); i++)
		names = lappend(names, unconstify(char *, view_options[i].name));
	list_sort(names, compare_names);
	return names;
}

static char *
list_in_words(List *names)
{
	StringInfoData text;
	ListCell   *lc;

	initStringInfo(&text);
	foreach(lc, names)
		appendStringInfo(&text, "%s%s", foreach_current_index(lc) == 0 ? "" : lnext(names, lc) ? ", " : " and ",
						 (char *) lfirst(lc));
	return text.data;
}

static void
refuse_unknown(const char *name)
{
	List	   *names = sorted_names();
	const char *closest = NULL;
	int			distance = 4;
	ListCell   *lc;

	if (IS_ONE_OF(name, later_options))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("option \"%s\" of continuous views is not supported yet", name),
				 errhint(TRANSFORM_HINT)));
	foreach(lc, names)
	{
		const char *known = lfirst(lc);
		int			d = varstr_levenshtein_less_equal(name, strlen(name), known, strlen(known), 1, 1, 1, distance, true);

		if (d < distance)
		{
			distance = d;
			closest = known;
		}
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unrecognized option \"%s\" of a continuous view", name),
			 closest ? errhint("Perhaps you meant the option \"%s\".", closest) :
			 errhint("Options are %s.", list_in_words(names))));
}

static void
refuse_second(DefElem *defel, List *before)
{
	ListCell   *lc;

	foreach(lc, before)
		if (strcmp(lfirst_node(DefElem, lc)->defname, defel->defname) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("option \"%s\" is given more than once", defel->defname)));
}

/* ---------------------------------------------------------------------
 * Options that are stored
 * --------------------------------------------------------------------- */

const char *
weir_view_options_difference(const GivenOptions *given, const ContViewOptions *new, const ContViewOptions *old)
{
	for (int i = 0; i < lengthof(view_options); i++)
	{
		const ViewOption *option = &view_options[i];

		if (option->compare == COMPARE_NEVER ||
			(option->compare == COMPARE_GIVEN && !bms_is_member(i, given->which)) ||
			is_same(option, new, old))
			continue;
		return option->label ? option->label : psprintf("option \"%s\"", option->name);
	}
	return NULL;
}

char *
weir_view_options_change(const char *name, const char *view, const char *matrel)
{
	int			n = find_option(name);

	if (n < 0 || view_options[n].change == NULL)
		return pstrdup("Create another view with this option.");
	return psprintf(view_options[n].change, view_options[n].of_matrel ? matrel : view);
}

void
weir_view_options_form(const ContViewOptions *options, Datum *values, bool *nulls)
{
	for (int i = 0; i < lengthof(view_options); i++)
	{
		const ViewOption *option = &view_options[i];
		int			n = option->column - 1;

		if (option->column == InvalidAttrNumber)
			continue;
		nulls[n] = is_null(option, options);
		if (!nulls[n])
			values[n] = to_datum(option, (const char *) options + option->stored);
	}
}

void
weir_view_options_deform(ContViewOptions *options, const Datum *values, const bool *nulls)
{
	for (int i = 0; i < lengthof(view_options); i++)
	{
		const ViewOption *option = &view_options[i];
		int			n = option->column - 1;

		if (option->column == InvalidAttrNumber || nulls[n])
			continue;
		from_datum(option, values[n], (char *) options + option->stored);
		if (option->flag != NO_FIELD)
			*(bool *) ((char *) options + option->flag) = true;
	}
}

char *
weir_view_options_defaults(void)
{
	StringInfoData text;
	bool		first = true;

	initStringInfo(&text);
	appendStringInfoChar(&text, '{');
	for (int i = 0; i < lengthof(view_options); i++)
	{
		if (view_options[i].initial == NULL)
			continue;
		appendStringInfo(&text, "%s\"%s\": \"%s\"", first ? "" : ", ", view_options[i].name, view_options[i].initial);
		first = false;
	}
	appendStringInfoChar(&text, '}');
	return text.data;
}

static bool
is_null(const ViewOption *option, const ContViewOptions *options)
{
	const void *value = (const char *) options + option->stored;

	if (option->flag != NO_FIELD && !*(const bool *) ((const char *) options + option->flag))
		return true;
	switch (option->kind)
	{
		case COLUMN_NAMES:
			return *(List *const *) value == NIL;
		case COLUMN_INT:
			return *(const int *) value == 0;
		case COLUMN_RELATION:
			return !OidIsValid(*(const Oid *) value);
		default:
			return false;
	}
}

static bool
is_same(const ViewOption *option, const ContViewOptions *a, const ContViewOptions *b)
{
	const void *x = (const char *) a + option->stored;
	const void *y = (const char *) b + option->stored;

	if (is_null(option, a) || is_null(option, b))
		return is_null(option, a) && is_null(option, b);
	switch (option->kind)
	{
		case COLUMN_INTERVAL:
			return same_interval(x, y);
		case COLUMN_USECS:
			return *(const int64 *) x == *(const int64 *) y;
		case COLUMN_NAME:
			return strcmp(NameStr(*(const NameData *) x), NameStr(*(const NameData *) y)) == 0;
		case COLUMN_NAMES:
			return same_names(*(List *const *) x, *(List *const *) y);
		case COLUMN_INT:
		case COLUMN_WORD:
			return *(const int *) x == *(const int *) y;
		case COLUMN_RELATION:
			return *(const Oid *) x == *(const Oid *) y;
		case COLUMN_FLAG:
			return *(const bool *) x == *(const bool *) y;
	}
	return false;				/* keep compiler quiet */
}

static Datum
to_datum(const ViewOption *option, const void *value)
{
	Interval   *interval;

	switch (option->kind)
	{
		case COLUMN_INTERVAL:
			return IntervalPGetDatum((const Interval *) value);
		case COLUMN_USECS:
			interval = palloc0(sizeof(Interval));
			interval->time = *(const int64 *) value;
			return IntervalPGetDatum(interval);
		case COLUMN_NAME:
			return NameGetDatum((const NameData *) value);
		case COLUMN_NAMES:
			return array_of_names(*(List *const *) value);
		case COLUMN_INT:
			return Int32GetDatum(*(const int *) value);
		case COLUMN_RELATION:
			return ObjectIdGetDatum(*(const Oid *) value);
		case COLUMN_FLAG:
			return CStringGetTextDatum(option->words[*(const bool *) value ? 1 : 0]);
		case COLUMN_WORD:
			return CStringGetTextDatum(option->words[*(const int *) value]);
	}
	return (Datum) 0;			/* keep compiler quiet */
}

static void
from_datum(const ViewOption *option, Datum datum, void *value)
{
	switch (option->kind)
	{
		case COLUMN_INTERVAL:
			*(Interval *) value = *DatumGetIntervalP(datum);
			break;
		case COLUMN_USECS:
			*(int64 *) value = weir_interval_usecs(DatumGetIntervalP(datum));
			break;
		case COLUMN_NAME:
			*(NameData *) value = *DatumGetName(datum);
			break;
		case COLUMN_NAMES:
			*(List **) value = names_list(DatumGetArrayTypeP(datum));
			break;
		case COLUMN_INT:
			*(int *) value = DatumGetInt32(datum);
			break;
		case COLUMN_RELATION:
			*(Oid *) value = DatumGetObjectId(datum);
			break;
		case COLUMN_FLAG:
			*(bool *) value = word_index(option, TextDatumGetCString(datum)) > 0;
			break;
		case COLUMN_WORD:
			*(int *) value = Max(word_index(option, TextDatumGetCString(datum)), 0);
			break;
	}
}

static bool
same_interval(const Interval *a, const Interval *b)
{
	return a->time == b->time && a->day == b->day && a->month == b->month;
}

static bool
same_names(List *a, List *b)
{
	ListCell   *x;
	ListCell   *y;

	if (list_length(a) != list_length(b))
		return false;
	forboth(x, a, y, b)
		if (strcmp(lfirst(x), lfirst(y)) != 0)
			return false;
	return true;
}

static Datum
array_of_names(List *names)
{
	Datum	   *elems = palloc(sizeof(Datum) * Max(list_length(names), 1));
	ListCell   *lc;

	foreach(lc, names)
		elems[foreach_current_index(lc)] = DirectFunctionCall1(namein, CStringGetDatum(lfirst(lc)));
	return PointerGetDatum(construct_array(elems, list_length(names), NAMEOID, NAMEDATALEN, false, TYPALIGN_CHAR));
}

static List *
names_list(ArrayType *array)
{
	List	   *names = NIL;
	Datum	   *elems;
	int			n;

	deconstruct_array(array, NAMEOID, NAMEDATALEN, false, TYPALIGN_CHAR, &elems, NULL, &n);
	for (int i = 0; i < n; i++)
		names = lappend(names, pstrdup(NameStr(*DatumGetName(elems[i]))));
	return names;
}

/* Its place among the option's words; -1 if it is none. */
static int
word_index(const ViewOption *option, const char *word)
{
	for (int i = 0; option->words[i]; i++)
		if (pg_strcasecmp(word, option->words[i]) == 0)
			return i;
	return -1;
}

/* ---------------------------------------------------------------------
 * Values that are given
 * --------------------------------------------------------------------- */

static void
name_option(void *name)
{
	errcontext("option \"%s\"", (char *) name);
}

Interval *
weir_view_options_interval(DefElem *defel)
{
	ErrorContextCallback context;
	Interval   *result;

	if (defel->arg == NULL || !IsA(defel->arg, String))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" must be a valid interval string", defel->defname),
				 errhint("For example, ... WITH (%s = '1 hour') ...", defel->defname)));
	context.callback = name_option;
	context.arg = defel->defname;
	context.previous = error_context_stack;
	error_context_stack = &context;
	result = DatumGetIntervalP(DirectFunctionCall3(interval_in,
												   CStringGetDatum(strVal(defel->arg)),
												   ObjectIdGetDatum(InvalidOid),
												   Int32GetDatum(-1)));
	error_context_stack = context.previous;
	return result;
}

static void
read_interval(const ViewOption *option, DefElem *defel, void *field)
{
	*(Interval **) field = weir_view_options_interval(defel);
}

static void
read_length(const ViewOption *option, DefElem *defel, void *field)
{
	Interval   *result = weir_view_options_interval(defel);

	if (weir_interval_usecs(result) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" must not be negative", defel->defname)));
	*(Interval **) field = result;
}

static void
read_identifier(const ViewOption *option, DefElem *defel, void *field)
{
	char	   *name = pstrdup(defGetString(defel));

	truncate_identifier(name, strlen(name), true);
	*(char **) field = name;
}

static void
read_string(const ViewOption *option, DefElem *defel, void *field)
{
	*(char **) field = defGetString(defel);
}

static void
read_defelem(const ViewOption *option, DefElem *defel, void *field)
{
	*(DefElem **) field = defel;
}

static void
read_word(const ViewOption *option, DefElem *defel, void *field)
{
	char	   *word = defGetString(defel);
	int			n = word_index(option, word);
	List	   *words = NIL;

	for (int i = 0; option->words[i]; i++)
		words = lappend(words, unconstify(char *, option->words[i]));
	if (n < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for option \"%s\": \"%s\"", defel->defname, word),
				 errhint("Valid values are %s.", list_in_words(words))));
	*(const char **) field = option->words[n];
}

static int
read_int(DefElem *defel, int min, int max)
{
	int32		value = defel->arg && IsA(defel->arg, String) ?
		pg_strtoint32(strVal(defel->arg)) : defGetInt32(defel);

	if (value < min || value > max)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" must be between %d and %d", defel->defname, min, max)));
	return value;
}

static void
read_fillfactor(const ViewOption *option, DefElem *defel, void *field)
{
	*(int *) field = read_int(defel, MIN_FILLFACTOR, MAX_FILLFACTOR);
}

static void
read_step_factor(const ViewOption *option, DefElem *defel, void *field)
{
	*(int *) field = read_int(defel, 1, MAX_STEP_FACTOR);
}

/* For statements of PipelineDB: what a view does here is its only action. */
static void
read_action(const ViewOption *option, DefElem *defel, void *field)
{
	char	   *action = defGetString(defel);

	if (pg_strcasecmp(action, "transform") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("continuous transforms are not supported yet"),
				 errhint(TRANSFORM_HINT)));
	if (pg_strcasecmp(action, "materialize") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid action \"%s\"", action),
				 errhint("Use action = materialize, or leave it out.")));
}
