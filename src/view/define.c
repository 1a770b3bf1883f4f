/*
 * define.c
 *	  CREATE VIEW with a query that Weir made in the place of the user's.
 *
 * Other hooks and PostgreSQL get the statement with the text that the user
 * sent, which is what logs and statistics shall show.  Who reads a tree beside
 * its text (pg_stat_statements cuts constants out of it) relies on the
 * positions in the tree, and those of a query that was made are none of that
 * text.  So the statement goes on with a query without positions, a
 * placeholder of one column.  PostgreSQL analyses that as any, and what was
 * made comes into its place in the hook for analysed queries.
 */
#include "postgres.h"

#include "nodes/makefuncs.h"
#include "parser/analyze.h"
#include "parser/parser.h"
#include "utils/ruleutils.h"

#include "query/expr.h"
#include "view/define.h"

#define PLACEHOLDER "?query of a view of weir?"

static post_parse_analyze_hook_type next_hook = NULL;

/* What comes into the placeholder's place; NULL when none is expected. */
static Query *made = NULL;

static Query *analyze_made(Query *query);
static SelectStmt *placeholder(void);
static bool is_placeholder(Query *query);
static void fill_placeholder(ParseState *pstate, Query *query, JumbleState *jstate);

void
weir_view_define_init(void)
{
	next_hook = post_parse_analyze_hook;
	post_parse_analyze_hook = fill_placeholder;
}

void
weir_view_define(UtilityCall *call, ViewStmt *stmt, Query *query)
{
	Query	   *outer = made;	/* an event trigger may create views */
	bool		filled = false;

	stmt->query = (Node *) placeholder();
	weir_statement_replace(call, (Node *) stmt);
	made = analyze_made(query);
	PG_TRY();
	{
		weir_statement_next(call);
		filled = made == NULL;
	}
	PG_FINALLY();
	{
		made = outer;
	}
	PG_END_TRY();
	if (!filled)
		elog(ERROR, "view \"%s\" was created without its query", stmt->view->relname);
}

/*
 * As PostgreSQL would analyse it had the user written it: what Weir makes of a
 * query is enough to be deparsed, no more.
 */
static Query *
analyze_made(Query *query)
{
	char	   *text = pg_get_querydef(query, false);
	RawStmt    *raw = linitial_node(RawStmt, raw_parser(text, RAW_PARSE_DEFAULT));

	return weir_query_without_positions(parse_analyze_fixedparams(raw, text, NULL, 0, NULL));
}

static SelectStmt *
placeholder(void)
{
	SelectStmt *select = makeNode(SelectStmt);
	ResTarget  *column = makeNode(ResTarget);
	A_Const    *value = makeNode(A_Const);

	value->isnull = true;
	value->location = -1;
	column->name = pstrdup(PLACEHOLDER);
	column->val = (Node *) value;
	column->location = -1;
	select->targetList = list_make1(column);
	return select;
}

static bool
is_placeholder(Query *query)
{
	TargetEntry *tle;

	if (query->commandType != CMD_SELECT || list_length(query->targetList) != 1)
		return false;
	tle = linitial_node(TargetEntry, query->targetList);
	return tle->resname && strcmp(tle->resname, PLACEHOLDER) == 0;
}

/*
 * What tells the statement apart stays the placeholder's: its place in the
 * text, its number.
 */
static void
fill_placeholder(ParseState *pstate, Query *query, JumbleState *jstate)
{
	if (next_hook)
		next_hook(pstate, query, jstate);
	if (made != NULL && is_placeholder(query))
	{
		Query		old = *query;

		*query = *made;
		made = NULL;
		query->queryId = old.queryId;
		query->querySource = old.querySource;
		query->canSetTag = old.canSetTag;
		query->stmt_location = old.stmt_location;
		query->stmt_len = old.stmt_len;
	}
}
