/*
 * notices.h
 *	  What CREATE VIEW tells of a query that is taken, but may not do what was
 *	  meant.
 */
#ifndef WEIR_VIEW_NOTICES_H
#define WEIR_VIEW_NOTICES_H

#include "postgres.h"

#include "nodes/parsenodes.h"

#include "query/cont_query.h"

/*
 * NOTICEs with their place in the text.  query is analysed, with its positions
 * and without an entry for GROUP BY; raw is its parse tree.  expires: rows go
 * by a ttl.
 */
extern void weir_view_notices(Query *query, Node *raw, const ContQuery *cq, bool expires, const char *source_text);

/* A NOTICE for a table that any view reads and that has a stream below it. */
extern void weir_view_notice_streams_below(Query *query);

/*
 * For the time in which a query is analysed: an error that columns are missing
 * in GROUP BY says that * of a stream has one more than was declared.
 */
typedef struct StarHint
{
	ErrorContextCallback context;
	bool		has_star;		/* and a stream */
} StarHint;

extern void weir_star_hint_begin(StarHint *hint, Node *raw);
extern void weir_star_hint_end(StarHint *hint);

#endif
