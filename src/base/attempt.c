/*
 * attempt.c
 *	  Doing something that may fail, in a subtransaction.
 */
#include "base/attempt.h"

#include "access/xact.h"
#include "base/errors.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

ErrorData *
weir_attempt(void (*work) (void *arg), void *arg)
{
	ResourceOwner owner = CurrentResourceOwner;
	MemoryContext old = CurrentMemoryContext;
	ErrorData  *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(old);
	PG_TRY();
	{
		work(arg);
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
	MemoryContextSwitchTo(old);
	CurrentResourceOwner = owner;
	return error;
}
