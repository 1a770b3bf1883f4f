/*
 * lock.c
 *	  Locks on what a view is kept in, taken only if they are free.
 *
 * A flush writes many views in one transaction.  Did it wait for one's lock
 * while it holds another's, DDL that holds the one and wants the other would
 * be in a deadlock with it, in whatever order it takes them.  So it takes all
 * that it needs without waiting, and waits only while it holds nothing.
 *
 * The def view belongs to it: what a worker knows of a view may have to be
 * built anew at any time, for which the def view is opened.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/multixact.h"
#include "access/subtrans.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "storage/procarray.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "matrel/lock.h"

static MatrelBlocker blocked_by = {InvalidOid, NoLock, InvalidTransactionId};

static bool try_lock(Oid relid, LOCKMODE mode, MatrelBlocker *blocker);
static TransactionId who_has_row(HeapTupleHeader row);
static int	pids_of_lock(const MatrelBlocker *blocker, int *pids, int max);

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
				 errmsg("%s", weir_matrel_blocker_text(&blocked_by))));
}

/*
 * Only rows of heap tables can be looked at; others are waited for as they are
 * changed.
 */
void
weir_row_check(Relation rel, ItemPointer tid)
{
	HeapTupleData tuple;
	Buffer		buffer;
	TransactionId xid;

	if (rel->rd_tableam != GetHeapamTableAmRoutine())
		return;
	tuple.t_self = *tid;
	if (!heap_fetch(rel, SnapshotAny, &tuple, &buffer, false))
		return;
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	xid = who_has_row(tuple.t_data);
	UnlockReleaseBuffer(buffer);
	if (!TransactionIdIsValid(xid))
		return;
	blocked_by.relid = RelationGetRelid(rel);
	blocked_by.mode = NoLock;
	blocked_by.xid = SubTransGetTopmostTransaction(xid);
	ereport(ERROR,
			(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
			 errmsg("a row of \"%s\" is locked", RelationGetRelationName(rel))));
}

/*
 * A transaction whose lock keeps a row from being changed, but for its key; or
 * none.
 */
static TransactionId
who_has_row(HeapTupleHeader row)
{
	TransactionId xid = HeapTupleHeaderGetRawXmax(row);
	bool		locked_only = HEAP_XMAX_IS_LOCKED_ONLY(row->t_infomask);
	MultiXactMember *members;
	TransactionId result = InvalidTransactionId;
	int			n;

	if ((row->t_infomask & HEAP_XMAX_INVALID) || HEAP_LOCKED_UPGRADED(row->t_infomask))
		return InvalidTransactionId;
	if (!(row->t_infomask & HEAP_XMAX_IS_MULTI))
	{
		if (locked_only && HEAP_XMAX_IS_KEYSHR_LOCKED(row->t_infomask))
			return InvalidTransactionId;
		return !TransactionIdIsCurrentTransactionId(xid) && TransactionIdIsInProgress(xid) ? xid : InvalidTransactionId;
	}
	n = GetMultiXactIdMembers(xid, &members, false, locked_only);
	for (int i = 0; i < n && !TransactionIdIsValid(result); i++)
		if (members[i].status != MultiXactStatusForKeyShare &&
			!TransactionIdIsCurrentTransactionId(members[i].xid) && TransactionIdIsInProgress(members[i].xid))
			result = members[i].xid;
	if (n > 0)
		pfree(members);
	return result;
}

int
weir_matrel_blocking_pids(const MatrelBlocker *blocker, int *pids, int max)
{
	if (!OidIsValid(blocker->relid) || max == 0)
		return 0;
	if (blocker->mode != NoLock)
		return pids_of_lock(blocker, pids, max);
	if (!TransactionIdIsInProgress(blocker->xid))
		return 0;
	pids[0] = BackendXidGetPid(blocker->xid);
	return 1;
}

static int
pids_of_lock(const MatrelBlocker *blocker, int *pids, int max)
{
	VirtualTransactionId *holders;
	LOCKTAG		tag;
	int			count;
	int			n = 0;

	SET_LOCKTAG_RELATION(tag, MyDatabaseId, blocker->relid);
	holders = GetLockConflicts(&tag, blocker->mode, &count);
	for (int i = 0; i < count && n < max; i++)
		pids[n++] = weir_vxid_pid(holders[i]);
	return n;
}

char *
weir_matrel_blocker_text(const MatrelBlocker *blocker)
{
	const char *name = get_rel_name(blocker->relid);

	return psprintf(blocker->mode == NoLock ? "a row of \"%s\" is locked" : "\"%s\" is locked", name ? name : "?");
}

bool
weir_matrel_is_blocked(const MatrelBlocker *blocker)
{
	return OidIsValid(blocker->relid) && blocker->mode == NoLock && TransactionIdIsInProgress(blocker->xid);
}

void
weir_matrel_wait(const MatrelBlocker *blocker)
{
	if (blocker->mode == NoLock && TransactionIdIsCurrentTransactionId(blocker->xid))
		return;
	if (blocker->mode == NoLock)
		XactLockTableWait(blocker->xid, NULL, NULL, XLTW_None);
	else
	{
		LockRelationOid(blocker->relid, blocker->mode);
		UnlockRelationOid(blocker->relid, blocker->mode);
	}
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
