/*
 * lock.c
 *	  Locks on what a view is kept in, taken only if they are free.
 *
 * A flush writes many views in one transaction.  Did it wait for one's lock while
 * it holds another's, DDL that holds the one and wants the other would be in a
 * deadlock with it, in whatever order it takes them.  So it takes all that it needs
 * without waiting, and waits only while it holds nothing.
 *
 * The def view belongs to it: what a worker knows of a view may have to be built
 * anew at any time, for which the def view is opened.
 */
#include "postgres.h"

#include "matrel/lock.h"

#include "access/table.h"
#include "storage/lmgr.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"

static MatrelBlocker blocked_by = {InvalidOid, NoLock};

static bool try_lock(Oid relid, LOCKMODE mode, MatrelBlocker *blocker);

bool
weir_matrel_try_lock(const ContView *view, LOCKMODE mode, MatrelBlocker *blocker)
{
	if (!try_lock(view->defid, AccessShareLock, blocker) ||
		!weir_table_try_lock(view->matrelid, mode, blocker))
		return false;
	for (int i = 0; i < view->nvalues; i++)
		if (!weir_table_try_lock(view->values[i], mode, blocker))
			return false;
	return true;
}

bool
weir_table_try_lock(Oid relid, LOCKMODE mode, MatrelBlocker *blocker)
{
	Relation	rel;
	bool		locked = true;
	ListCell   *lc;

	if (!try_lock(relid, mode, blocker))
		return false;
	rel = try_table_open(relid, NoLock);
	if (rel == NULL)
		return true;
	if (rel->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
		foreach(lc, RelationGetIndexList(rel))
			locked = locked && try_lock(lfirst_oid(lc), mode, blocker);
	table_close(rel, NoLock);
	return locked;
}

void
weir_table_lock(Oid relid)
{
	if (!weir_table_try_lock(relid, RowExclusiveLock, &blocked_by))
		ereport(ERROR,
				(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
				 errmsg("\"%s\" is locked", get_rel_name(blocked_by.relid))));
}

MatrelBlocker
weir_matrel_blocked_by(void)
{
	MatrelBlocker result = blocked_by;

	blocked_by.relid = InvalidOid;
	return result;
}

static bool
try_lock(Oid relid, LOCKMODE mode, MatrelBlocker *blocker)
{
	if (ConditionalLockRelationOid(relid, mode))
		return true;
	blocker->relid = relid;
	blocker->mode = mode;
	return false;
}
