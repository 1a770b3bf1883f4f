/*
 * def.c
 *	  A view's defining query: where it is stored, the streams that it reads,
 *	  and how a construct of it is refused.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_class.h"
#include "nodes/nodeFuncs.h"
#include "rewrite/prs2lock.h"
#include "rewrite/rewriteManip.h"
#include "utils/rel.h"

#include "base/compat.h"
#include "meta/extension.h"
#include "query/def.h"

static bool find_stream_walker(Node *node, Oid *streamid);
static bool find_streams_walker(Node *node, List **streams);

Query *
weir_def_query(Oid defid)
{
	Relation	rel = table_open(defid, AccessShareLock);
	Query	   *query;
	int			extra = 0;

	if (rel->rd_rel->relkind != RELKIND_VIEW || rel->rd_rules == NULL ||
		rel->rd_rules->numLocks != 1)
		elog(ERROR, "relation \"%s\" is not a view", RelationGetRelationName(rel));
	query = copyObject(linitial_node(Query, rel->rd_rules->rules[0]->actions));
	table_close(rel, AccessShareLock);

	/* Before PostgreSQL 16, OLD and NEW come first in a rule's range table. */
	while (extra < list_length(query->rtable) &&
		   list_nth_node(RangeTblEntry, query->rtable, extra)->rtekind == RTE_RELATION &&
		   list_nth_node(RangeTblEntry, query->rtable, extra)->relid == defid)
		extra++;
	if (extra > 0)
	{
		query->rtable = list_copy_tail(query->rtable, extra);
		OffsetVarNodes((Node *) query, -extra, 0);
	}
	weir_flatten_group_rte(query);
	return query;
}

bool
weir_query_entry_is_stream(const RangeTblEntry *rte)
{
	return rte->rtekind == RTE_RELATION && rte->relkind == RELKIND_FOREIGN_TABLE &&
		weir_relation_is_stream(rte->relid);
}

Oid
weir_query_stream(Query *query)
{
	Oid			streamid = InvalidOid;

	find_stream_walker((Node *) query, &streamid);
	return streamid;
}

List *
weir_query_streams(Query *query)
{
	List	   *streams = NIL;

	find_streams_walker((Node *) query, &streams);
	return streams;
}

void
weir_query_refuse(ParseState *pstate, int location, const char *what, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("continuous views do not support %s", what),
			 hint ? errhint("%s", hint) : 0,
			 pstate ? parser_errposition(pstate, location) : 0));
}

static bool
find_stream_walker(Node *node, Oid *streamid)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		if (!weir_query_entry_is_stream((RangeTblEntry *) node))
			return false;
		*streamid = ((RangeTblEntry *) node)->relid;
		return true;
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, find_stream_walker, streamid,
								 QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, find_stream_walker, streamid);
}

static bool
find_streams_walker(Node *node, List **streams)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		if (weir_query_entry_is_stream((RangeTblEntry *) node))
			*streams = list_append_unique_oid(*streams, ((RangeTblEntry *) node)->relid);
		return false;
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, find_streams_walker, streams,
								 QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, find_streams_walker, streams);
}
