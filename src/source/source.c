/*
 * source.c
 *	  The sources of batches that there are.
 *
 * They are registered by _PG_init, so that every process of the server has the
 * same ones.
 */
#include "postgres.h"

#include "source/source.h"

#define MAX_SOURCES 8

static const Source *sources[MAX_SOURCES];
static int	nsources = 0;

void
weir_source_register(const Source *source)
{
	if (nsources == MAX_SOURCES)
		elog(ERROR, "too many sources");
	sources[nsources++] = source;
	weir_worker_register(source->kind, &source->ops);
}

int
weir_source_workers_wanted(Oid streamid, WorkerKind *kind)
{
	for (int i = 0; i < nsources; i++)
	{
		int			n = sources[i]->workers_wanted ? sources[i]->workers_wanted(streamid) : 0;

		*kind = sources[i]->kind;
		if (n > 0)
			return n;
	}
	return 0;
}
