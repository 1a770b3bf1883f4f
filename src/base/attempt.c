/*
 * attempt.c
 *	  Doing something that may fail, in a subtransaction.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "base/attempt.h"
#include "base/errors.h"

static ErrorData *
attempt(void (*work) (void *arg), void *arg, bool undo)
{
	ResourceOwner owner = CurrentResourceOwner;
	MemoryContext old = CurrentMemoryContext;
	ErrorData  *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(old);
	PG_TRY();
	{
		work(arg);
		if (!undo)
			ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(old);
		error = CopyErrorData();
		weir_errors_clarify(error);
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	if (undo && error == NULL)
		RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(old);
	CurrentResourceOwner = owner;
	return error;
}

ErrorData *
weir_attempt(void (*work) (void *arg), void *arg)
{
	return attempt(work, arg, false);
}

ErrorData *
weir_attempt_undone(void (*work) (void *arg), void *arg)
{
	return attempt(work, arg, true);
}
