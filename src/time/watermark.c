/*
 * watermark.c
 *	  Watermarks of streams, in shared memory.
 *
 * Each partition of a stream (inserted rows are one) has a watermark: the
 * latest time that it brought, less the stream's option "watermark".  The
 * stream's is the least of them, of partitions that are not idle.
 *
 * A partition whose rows wait elsewhere (on a Kafka broker) may be silent
 * because nobody reads it.  So that is idle only while whoever reads it says
 * again and again that all is read; what it says lasts CAUGHT_UP_USECS.
 *
 * What users are shown as final must not change, so a flush must not store a
 * watermark that a batch still under way knew nothing of: that batch may take
 * in rows of a window that the watermark closes.  Therefore whoever takes in
 * rows holds the watermark that the rows are judged by, from before they are
 * until they are in an epoch; and a cut, which runs under the same mutex as a
 * merge, goes no further than the least that is held.  A run of a large
 * transaction holds its own until the epoch adopts it.
 *
 * Locking: one LWLock, taken under the merge mutex or alone.
 *
 * Memory: streams, partitions and holds are allocated in the area, beyond its
 * limits: they are few and small.
 *
 * Failure: an owner's holds end with its transaction or process.  A restart
 * loads what was stored with the last flush.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "base/clock.h"
#include "base/compat.h"
#include "base/shmem.h"
#include "time/watermark.h"

#define CAUGHT_UP_USECS (2 * USECS_PER_SEC)

typedef struct EventPartition
{
	struct EventPartition *next;
	int32		number;
	int64		watermark;
	int64		cut;			/* as of the last cut */
	bool		erase;			/* what is stored of it is void */
	bool		cut_erase;
	bool		forgotten;		/* there is none of this number any more */

	/* its rows wait elsewhere until they are read */
	bool		read;

	/*
	 * when it last brought rows; of one that is read: or since when all is
	 * read
	 */
	TimestampTz heard;

	/* weir_clock_steady: all was read then; 0: or there may be more */
	TimestampTz caught_up;
} EventPartition;

typedef struct WatermarkHold
{
	struct WatermarkHold *next;
	void	   *owner;
	TimestampTz since;
	int64		watermark;

	/* of what the owner keeps; NO_WATERMARK: nothing */
	int64		newest;
} WatermarkHold;

typedef struct EventStream
{
	struct EventStream *next;
	Oid			streamid;
	int64		delay;			/* the stream's options, as of the last batch */
	int64		idle_timeout;
	int64		watermark;
	int64		cut;
	bool		changed;		/* since it was stored */
	EventPartition *partitions;
	WatermarkHold *holds;
} EventStream;

typedef struct Watermarks
{
	LWLock		lock;
	EventStream *streams[WEIR_MAX_DATABASES];
} Watermarks;

static Watermarks *shared = NULL;

static EventStream *find_stream(int slot, Oid streamid);
static EventPartition *find_partition(EventStream *stream, int32 number, bool create);
static void recompute(EventStream *stream, TimestampTz now);
static void add_newest(EventStream *stream, int32 partition, int64 newest, TimestampTz now);
static void end_holds(void *owner, bool kept);
static void free_stream(EventStream *stream);

static Size
watermarks_size(void)
{
	return sizeof(Watermarks);
}

static void
watermarks_init(void *address, bool found)
{
	shared = address;
	if (!found)
		weir_lwlock_init(&shared->lock);
}

void
weir_watermark_init(void)
{
	static const WeirShmemStruct shmem = {"weir watermarks", watermarks_size, watermarks_init};

	weir_shmem_register(&shmem);
}

/* ---------------------------------------------------------------------
 * Streams and partitions; the lock is held
 * --------------------------------------------------------------------- */

static EventStream *
find_stream(int slot, Oid streamid)
{
	for (EventStream *s = shared->streams[slot]; s; s = s->next)
		if (s->streamid == streamid)
			return s;
	return NULL;
}

static void *
allocate(Size size)
{
	void	   *result = weir_shared_alloc_reserve(WEIR_MEMORY_GROUPS, size);

	if (result)
		memset(result, 0, size);
	return result;
}

/* NULL when there is none, or no memory for it. */
static EventPartition *
find_partition(EventStream *stream, int32 number, bool create)
{
	EventPartition *p = stream->partitions;

	while (p && p->number != number)
		p = p->next;
	if (p == NULL && create && (p = allocate(sizeof(EventPartition))) != NULL)
	{
		p->number = number;
		p->watermark = p->cut = NO_WATERMARK;
		p->heard = weir_clock_now();
		p->next = stream->partitions;
		stream->partitions = p;
	}
	return p;
}

static bool
is_idle(EventStream *stream, EventPartition *p, TimestampTz now)
{
	TimestampTz steady;

	if (stream->idle_timeout <= 0 || now - p->heard <= stream->idle_timeout)
		return false;
	if (!p->read)
		return true;
	steady = weir_clock_steady();
	return p->caught_up != 0 && steady - p->caught_up <= CAUGHT_UP_USECS;
}

/* The least of partitions that are not idle; as it was when all are. */
static void
recompute(EventStream *stream, TimestampTz now)
{
	int64		least = PG_INT64_MAX;

	for (EventPartition *p = stream->partitions; p; p = p->next)
	{
		/* The clock went back: count from now. */
		p->heard = Min(p->heard, now);
		if (p->forgotten || is_idle(stream, p, now))
			continue;
		least = Min(least, p->watermark);
	}
	if (least != PG_INT64_MAX)
		stream->watermark = Max(stream->watermark, least);
}

static void
add_newest(EventStream *stream, int32 number, int64 newest, TimestampTz now)
{
	EventPartition *p = find_partition(stream, number, true);

	/* Without memory for it, the watermark stays for now. */
	if (p == NULL)
		return;
	p->heard = now;
	p->caught_up = 0;
	if (newest > NO_WATERMARK + stream->delay)
		p->watermark = Max(p->watermark, newest - stream->delay);
	recompute(stream, now);
}

/* ---------------------------------------------------------------------
 * Taking in rows
 * --------------------------------------------------------------------- */

pg_noreturn static void
no_memory(void)
{
	LWLockRelease(&shared->lock);
	ereport(ERROR,
			(errcode(ERRCODE_OUT_OF_MEMORY),
			 errmsg("weir.memory is exhausted")));
}

void
weir_watermark_load(int slot, Oid streamid, const StoredWatermark *stored, int nstored)
{
	EventStream *stream;

	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	stream = find_stream(slot, streamid);
	if (stream == NULL)
	{
		stream = allocate(sizeof(EventStream));
		if (stream == NULL)
			no_memory();
		stream->streamid = streamid;
		stream->watermark = stream->cut = NO_WATERMARK;
		for (int i = 0; i < nstored; i++)
		{
			EventPartition *p;

			if (stored[i].partition == WHOLE_STREAM)
				stream->watermark = stream->cut = stored[i].watermark;
			else if ((p = find_partition(stream, stored[i].partition, true)) != NULL)
				p->watermark = p->cut = stored[i].watermark;
			else
			{
				free_stream(stream);
				no_memory();
			}
		}
		stream->next = shared->streams[slot];
		shared->streams[slot] = stream;
	}
	LWLockRelease(&shared->lock);
}

/* As if it had never brought anything. */
static void
empty_partition(EventPartition *p)
{
	p->watermark = p->cut = NO_WATERMARK;
	p->heard = weir_clock_now();
	p->caught_up = 0;
	p->erase = true;
}

void
weir_watermark_expect(int slot, Oid streamid, int npartitions)
{
	EventStream *stream;

	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	stream = find_stream(slot, streamid);
	for (int i = 0; stream && i < npartitions; i++)
	{
		EventPartition *p = find_partition(stream, i, true);

		if (p == NULL)
			no_memory();
		p->read = true;
		p->forgotten = false;
	}
	for (EventPartition *p = stream ? stream->partitions : NULL; p; p = p->next)
	{
		if (p->number < npartitions || p->forgotten)
			continue;
		empty_partition(p);
		p->forgotten = true;
	}
	LWLockRelease(&shared->lock);
}

/* The lock is held.  NULL: nothing is known of it. */
static EventPartition *
known_partition(int slot, Oid streamid, int32 partition)
{
	EventStream *stream = find_stream(slot, streamid);

	return stream ? find_partition(stream, partition, false) : NULL;
}

void
weir_watermark_restart(int slot, Oid streamid, int32 partition)
{
	EventPartition *p;

	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	p = known_partition(slot, streamid, partition);
	if (p)
		empty_partition(p);
	LWLockRelease(&shared->lock);
}

void
weir_watermark_caught_up(int slot, Oid streamid, int32 partition, bool still)
{
	EventPartition *p;

	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	p = known_partition(slot, streamid, partition);
	if (p)
	{
		if (!still)
			p->heard = weir_clock_now();
		p->caught_up = weir_clock_steady();
	}
	LWLockRelease(&shared->lock);
}

void
weir_watermark_behind(int slot, Oid streamid, int32 partition)
{
	EventPartition *p;

	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	p = known_partition(slot, streamid, partition);
	if (p)
		p->caught_up = 0;
	LWLockRelease(&shared->lock);
}

static WatermarkHold *
add_hold(EventStream *stream, void *owner, int64 watermark)
{
	WatermarkHold *hold = allocate(sizeof(WatermarkHold));

	if (hold == NULL)
		no_memory();
	hold->owner = owner;
	hold->since = GetCurrentTimestamp();
	hold->watermark = watermark;
	hold->newest = NO_WATERMARK;
	hold->next = stream->holds;
	stream->holds = hold;
	return hold;
}

bool
weir_watermark_hold(int slot, const EventOptions *options, void *owner, int64 *watermark)
{
	EventStream *stream;
	WatermarkHold *hold;

	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	stream = find_stream(slot, options->streamid);
	if (stream == NULL)
	{
		LWLockRelease(&shared->lock);
		return false;
	}
	stream->delay = options->watermark;
	stream->idle_timeout = options->idle_timeout;
	recompute(stream, weir_clock_now());
	for (hold = stream->holds; hold; hold = hold->next)
		if (hold->owner == owner)
			break;
	if (hold == NULL)
		hold = add_hold(stream, owner, stream->watermark);

	/* All that comes for one owner is judged alike. */
	*watermark = hold->watermark;
	LWLockRelease(&shared->lock);
	return true;
}

void
weir_watermark_share(int slot, void *owner, void *other)
{
	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	for (EventStream *stream = shared->streams[slot]; stream; stream = stream->next)
	{
		WatermarkHold *from = stream->holds;

		while (from && from->owner != owner)
			from = from->next;
		if (from != NULL)
			(void) add_hold(stream, other, from->watermark);
	}
	LWLockRelease(&shared->lock);
}

void
weir_watermark_keep(int slot, Oid streamid, void *owner, int64 newest)
{
	EventStream *stream;

	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	stream = find_stream(slot, streamid);
	for (WatermarkHold *hold = stream ? stream->holds : NULL; hold; hold = hold->next)
		if (hold->owner == owner)
			hold->newest = Max(hold->newest, newest);
	LWLockRelease(&shared->lock);
}

static void
end_holds(void *owner, bool kept)
{
	TimestampTz now = kept ? weir_clock_now() : 0;

	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	for (int slot = 0; slot < WEIR_MAX_DATABASES; slot++)
		for (EventStream *stream = shared->streams[slot]; stream; stream = stream->next)
			for (WatermarkHold **place = &stream->holds; *place;)
			{
				WatermarkHold *hold = *place;

				if (hold->owner != owner)
				{
					place = &hold->next;
					continue;
				}
				if (kept && hold->newest != NO_WATERMARK)
					add_newest(stream, 0, hold->newest, now);
				*place = hold->next;
				weir_shared_free(hold);
			}
	LWLockRelease(&shared->lock);
}

void
weir_watermark_release(void *owner)
{
	end_holds(owner, false);
}

void
weir_watermark_release_kept(void *owner)
{
	end_holds(owner, true);
}

void
weir_watermark_advance(int slot, Oid streamid, int32 partition, int64 newest)
{
	EventStream *stream;

	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	stream = find_stream(slot, streamid);
	if (stream)
		add_newest(stream, partition, newest, weir_clock_now());
	LWLockRelease(&shared->lock);
}

/* ---------------------------------------------------------------------
 * Storing
 * --------------------------------------------------------------------- */

void
weir_watermark_cut(int slot)
{
	TimestampTz now;

	/*
	 * Streams come and go under the lock; to miss one that is new is no harm.
	 */
	if (shared->streams[slot] == NULL)
		return;
	now = weir_clock_now();
	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	for (EventStream *stream = shared->streams[slot]; stream; stream = stream->next)
	{
		int64		cut;

		recompute(stream, now);
		cut = stream->watermark;
		for (WatermarkHold *hold = stream->holds; hold; hold = hold->next)
			cut = Min(cut, hold->watermark);
		if (cut > stream->cut)
		{
			stream->cut = cut;
			stream->changed = true;
		}
		for (EventPartition *p = stream->partitions; p; p = p->next)
		{
			p->cut_erase |= p->erase;
			p->erase = false;
			stream->changed |= p->cut != p->watermark || p->cut_erase;
			p->cut = p->watermark;
		}
	}
	LWLockRelease(&shared->lock);
}

StoredWatermark *
weir_watermark_changes(int slot, int *n)
{
	StoredWatermark *result = NULL;
	int			max = 0;

	*n = 0;
	if (shared->streams[slot] == NULL)
		return NULL;

	/*
	 * Only the caller cuts, so that nothing is added between the two rounds
	 * but partitions never cut.
	 */
	for (int round = 0; round < 2; round++)
	{
		LWLockAcquire(&shared->lock, LW_SHARED);
		for (EventStream *stream = shared->streams[slot]; stream; stream = stream->next)
		{
			if (!stream->changed)
				continue;
			if (stream->cut != NO_WATERMARK)
			{
				if (round == 0)
					max++;
				else if (*n < max)
					result[(*n)++] = (StoredWatermark) {stream->streamid, WHOLE_STREAM, stream->cut};
			}
			for (EventPartition *p = stream->partitions; p; p = p->next)
			{
				if (round == 0)
					max += p->cut_erase + (p->cut != NO_WATERMARK);
				if (round == 1 && p->cut_erase && *n < max)
					result[(*n)++] = (StoredWatermark) {stream->streamid, p->number, NO_WATERMARK};
				if (round == 1 && p->cut != NO_WATERMARK && *n < max)
					result[(*n)++] = (StoredWatermark) {stream->streamid, p->number, p->cut};
			}
		}
		LWLockRelease(&shared->lock);
		if (round == 0)
			result = palloc(sizeof(StoredWatermark) * Max(max, 1));
	}
	return result;
}

void
weir_watermark_stored(int slot)
{
	if (shared->streams[slot] == NULL)
		return;
	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	for (EventStream *stream = shared->streams[slot]; stream; stream = stream->next)
	{
		for (EventPartition *p = stream->changed ? stream->partitions : NULL; p; p = p->next)
			p->cut_erase = false;
		stream->changed = false;
	}
	LWLockRelease(&shared->lock);
}

static void
free_stream(EventStream *stream)
{
	while (stream->partitions)
	{
		EventPartition *p = stream->partitions;

		stream->partitions = p->next;
		weir_shared_free(p);
	}
	while (stream->holds)
	{
		WatermarkHold *hold = stream->holds;

		stream->holds = hold->next;
		weir_shared_free(hold);
	}
	weir_shared_free(stream);
}

void
weir_watermark_purge(int slot, List *streams)
{
	if (shared->streams[slot] == NULL)
		return;
	LWLockAcquire(&shared->lock, LW_EXCLUSIVE);
	for (EventStream **place = &shared->streams[slot]; *place;)
	{
		EventStream *stream = *place;

		if (stream->holds || list_member_oid(streams, stream->streamid))
			place = &stream->next;
		else
		{
			*place = stream->next;
			free_stream(stream);
		}
	}
	LWLockRelease(&shared->lock);
}

void
weir_watermark_discard(int slot)
{
	weir_watermark_purge(slot, NIL);
}

/* ---------------------------------------------------------------------
 * Looking
 * --------------------------------------------------------------------- */

/*
 * The partition that the stream waits for, if others have gone on for so long
 * without it.
 */
static EventPartition *
laggard(EventStream *stream, int64 usecs)
{
	EventPartition *least = NULL;
	TimestampTz latest = 0;
	TimestampTz now = weir_clock_now();

	for (EventPartition *p = stream->partitions; p; p = p->next)
	{
		if (p->forgotten || is_idle(stream, p, now))
			continue;
		if (least == NULL || p->watermark < least->watermark)
			least = p;
		latest = Max(latest, p->heard);
	}
	return least && latest - least->heard >= usecs ? least : NULL;
}

/* The hold that began first and keeps the stream back. */
static WatermarkHold *
oldest_hold(EventStream *stream, int64 usecs)
{
	WatermarkHold *oldest = NULL;

	for (WatermarkHold *hold = stream->holds; hold; hold = hold->next)
		if (hold->watermark < stream->watermark && (oldest == NULL || hold->since < oldest->since))
			oldest = hold;
	return oldest && GetCurrentTimestamp() - oldest->since >= usecs ? oldest : NULL;
}

bool
weir_watermark_held(int slot, int n, int64 usecs, WatermarkHeld *held)
{
	bool		found = false;

	LWLockAcquire(&shared->lock, LW_SHARED);
	for (EventStream *stream = shared->streams[slot]; stream && !found; stream = stream->next)
	{
		EventPartition *p = laggard(stream, usecs);
		WatermarkHold *hold = oldest_hold(stream, usecs);

		if (p != NULL && n-- == 0)
		{
			*held = (WatermarkHeld) {stream->streamid, p->number, p->heard};
			found = true;
		}
		else if (hold != NULL && n-- == 0)
		{
			*held = (WatermarkHeld) {stream->streamid, WHOLE_STREAM, hold->since};
			found = true;
		}
	}
	LWLockRelease(&shared->lock);
	return found;
}
