/*
 * shape.h
 *	  The materialization relation: its columns, guard and indexes.
 */
#ifndef WEIR_MATREL_SHAPE_H
#define WEIR_MATREL_SHAPE_H

#include "postgres.h"

#include "nodes/primnodes.h"
#include "utils/rel.h"

#include "query/cont_query.h"

/*
 * Create the matrel of a continuous query in the schema and with the
 * persistence of view, owned by the current user: group keys, then states.
 * With its guard trigger, lookup index, and the one row of an ungrouped view.
 * tablespace: of it, its partitions and indexes; NULL: the default.
 */
extern Oid	weir_matrel_create(const RangeVar *view, const ContQuery *cq,
							   const ContViewOptions *options, const char *tablespace);

/*
 * Create the n'th values relation of a view likewise, with an index that finds
 * the values of a group.  It is partitioned if the matrel is.
 */
extern Oid	weir_values_create(const RangeVar *view, const ContQuery *cq,
							   const ContViewOptions *options, int n, const char *tablespace);

/*
 * The index that finds a group by its key: a unique btree over columns 1 to
 * nkeys, or (*hashed) a btree over weir.hash_key of them.  InvalidOid when the
 * view has none (append-only, ungrouped) or it is not usable.
 */
extern Oid	weir_matrel_lookup_index(Relation matrel, const ContQuery *cq, bool *hashed);

/*
 * Make a table like the matrel, of this name, to be a partition of it; the
 * same owner's, with its guard and primary key.
 */
extern Oid	weir_matrel_create_partition(Oid matrelid, const char *name, const ContViewOptions *options);

/* Error when no row of the table would fit into a page. */
extern void weir_matrel_check_width(Oid relid);

/* Create an index on a column, unless one begins with it. */
extern void weir_matrel_index_column(Oid matrelid, AttrNumber attno, const char *suffix);

/* Put in the row that an ungrouped view shows before any row came. */
extern void weir_matrel_insert_initial(Oid matrelid, const ContQuery *cq);

/* Make one relation depend on another; no change when it already does. */
extern void weir_depend_on(Oid relid, Oid refid, char deptype);

/*
 * The fillfactor of the matrel's tables: the view's option, or what suits the
 * way its rows are updated.  0: PostgreSQL's default.
 */
extern int	weir_matrel_fillfactor(const ContQuery *cq, const ContViewOptions *options);

#endif
