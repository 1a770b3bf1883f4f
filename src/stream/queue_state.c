/*
 * queue_state.c
 *	  The queue in shared memory.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "base/compat.h"
#include "base/shmem.h"
#include "stream/queue_state.h"

typedef struct QueueShared
{
	QueueDatabase databases[WEIR_MAX_DATABASES];
	QueueWaiter waiters[FLEXIBLE_ARRAY_MEMBER]; /* by process number */
} QueueShared;

static QueueShared *queue = NULL;

static Size
queue_shmem_size(void)
{
	return offsetof(QueueShared, waiters) + sizeof(QueueWaiter) * MaxBackends;
}

static void
queue_shmem_init(void *address, bool found)
{
	queue = address;
	if (found)
		return;
	for (int i = 0; i < WEIR_MAX_DATABASES; i++)
	{
		weir_lwlock_init(&queue->databases[i].lock);
		dlist_init(&queue->databases[i].waiters);
	}
}

void
weir_queue_init(void)
{
	static const WeirShmemStruct shmem = {"weir queue", queue_shmem_size, queue_shmem_init};

	weir_shmem_register(&shmem);
}

QueueDatabase *
weir_queue_of(int slot)
{
	return &queue->databases[slot];
}

QueueWaiter *
weir_queue_waiter(int proc_number)
{
	return &queue->waiters[proc_number];
}
