/*
 * scalar.c
 *	  Short cuts for scalars: what a type's input function gives, sooner.
 *
 * timestamptz_in takes longer than all the rest of a message's decoding, so
 * the forms that programs write (ISO 8601, UTC) are read here.  Anything else,
 * errors included, is left to the input function.
 *
 * Called by the formats.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "datatype/timestamp.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "source/format/scalar.h"

/* An optional minus and up to 18 digits, which cannot overflow int64. */
bool
weir_scalar_integer(const char *text, int len, Oid typid, Datum *result)
{
	bool		negative = len > 0 && text[0] == '-';
	int			first = negative ? 1 : 0;
	int64		n = 0;

	if (len <= first || len - first > 18)
		return false;
	for (int i = first; i < len; i++)
	{
		if (text[i] < '0' || text[i] > '9')
			return false;
		n = n * 10 + (text[i] - '0');
	}
	if (negative)
		n = -n;
	switch (typid)
	{
		case INT2OID:
			*result = Int16GetDatum((int16) n);
			return n >= PG_INT16_MIN && n <= PG_INT16_MAX;
		case INT4OID:
			*result = Int32GetDatum((int32) n);
			return n >= PG_INT32_MIN && n <= PG_INT32_MAX;
		default:
			*result = Int64GetDatum(n);
			return true;
	}
}

/* Exactly n digits; -1 if they are not. */
static inline int
digits(const char *text, int n)
{
	int			value = 0;

	for (int i = 0; i < n; i++)
	{
		if (text[i] < '0' || text[i] > '9')
			return -1;
		value = value * 10 + (text[i] - '0');
	}
	return value;
}

/*
 * Microseconds of ".d{1,6}" at text; *used is 0 without one, -1 if malformed.
 */
static int
fraction(const char *text, int len, int *used)
{
	int			micros = 0;
	int			n = 0;

	*used = 0;
	if (len == 0 || text[0] != '.')
		return 0;
	while (1 + n < len && n < 6 && text[1 + n] >= '0' && text[1 + n] <= '9')
		micros = micros * 10 + (text[1 + n++] - '0');
	*used = n == 0 ? -1 : 1 + n;
	for (; n < 6; n++)
		micros *= 10;
	return micros;
}

static bool
is_utc(const char *text, int len)
{
	return (len == 1 && (text[0] == 'Z' || text[0] == 'z')) ||
		(len == 3 && memcmp(text, "+00", 3) == 0) ||
		(len == 5 && memcmp(text, "+0000", 5) == 0) ||
		(len == 6 && memcmp(text, "+00:00", 6) == 0);
}

/*
 * YYYY-MM-DD{T| }HH:MM:SS[.ffffff], followed by UTC when with_zone and by
 * nothing when not.
 */
bool
weir_scalar_timestamp(const char *text, int len, bool with_zone, Datum *result)
{
	int			year,
				month,
				day,
				hour,
				minute,
				second,
				micros,
				used;

	if (len < 19 || text[4] != '-' || text[7] != '-' || (text[10] != 'T' && text[10] != ' ') ||
		text[13] != ':' || text[16] != ':')
		return false;
	year = digits(text, 4);
	month = digits(text + 5, 2);
	day = digits(text + 8, 2);
	hour = digits(text + 11, 2);
	minute = digits(text + 14, 2);
	second = digits(text + 17, 2);
	if (year < 1 || month < 1 || month > 12 || day < 1 || day > day_tab[isleap(year)][month - 1] ||
		hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59)
		return false;
	micros = fraction(text + 19, len - 19, &used);
	if (used < 0 || (with_zone ? !is_utc(text + 19 + used, len - 19 - used) : len != 19 + used))
		return false;
	*result = TimestampGetDatum((int64) (date2j(year, month, day) - POSTGRES_EPOCH_JDATE) * USECS_PER_DAY +
								((hour * 60 + minute) * 60 + second) * USECS_PER_SEC + micros);
	return true;
}
