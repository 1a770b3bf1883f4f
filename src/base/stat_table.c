/*
 * stat_table.c
 *	  Counters by relation, and by partition of one, in shared memory.
 *
 * A hash table of chains whose entries are never freed: what becomes of a
 * dropped relation's entry is that another takes its place when room is short.
 *
 * Locking: the caller's, of the table's lock.  DSA's own locks under it.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/timestamp.h"

#include "base/shmem.h"
#include "base/stat_table.h"

void
weir_stat_table_init(StatTable *table, Size entry_size)
{
	memset(table, 0, sizeof(StatTable));
	weir_lwlock_init(&table->lock);
	table->entry_size = entry_size;
}

static StatEntry **
bucket_of(StatTable *table, Oid dboid, Oid relid, int32 subid)
{
	uint32		hash = hash_combine(murmurhash32(dboid), hash_combine(murmurhash32(relid), murmurhash32(subid)));

	return &table->buckets[hash % STAT_BUCKETS];
}

/* Take the entry out that is missed least; NULL if all are held. */
static StatEntry *
take_over(StatTable *table)
{
	StatEntry  *oldest = NULL;
	StatEntry **link;
	StatScan	scan = {0};
	StatEntry  *entry;

	while ((entry = weir_stat_next(table, &scan, InvalidOid)) != NULL)
		if (!entry->held && (oldest == NULL || entry->used < oldest->used))
			oldest = entry;
	if (oldest == NULL)
		return NULL;
	link = bucket_of(table, oldest->dboid, oldest->relid, oldest->subid);
	while (*link != oldest)
		link = &(*link)->next;
	*link = oldest->next;
	return oldest;
}

StatEntry *
weir_stat_enter(StatTable *table, Oid relid, int32 subid)
{
	StatEntry **bucket = bucket_of(table, MyDatabaseId, relid, subid);
	StatEntry  *entry = *bucket;

	while (entry && !(entry->dboid == MyDatabaseId && entry->relid == relid && entry->subid == subid))
		entry = entry->next;
	if (entry == NULL)
	{
		entry = weir_shared_alloc(WEIR_MEMORY_STATISTICS, table->entry_size);
		if (entry == NULL)
			entry = take_over(table);
		if (entry == NULL)
			return NULL;
		memset(entry, 0, table->entry_size);
		entry->dboid = MyDatabaseId;
		entry->relid = relid;
		entry->subid = subid;
		entry->next = *bucket;
		*bucket = entry;
	}
	entry->used = GetCurrentTimestamp();
	return entry;
}

StatEntry *
weir_stat_next(StatTable *table, StatScan *scan, Oid dboid)
{
	for (;;)
	{
		if (scan->entry)
			scan->entry = scan->entry->next;
		while (scan->entry == NULL && scan->bucket < STAT_BUCKETS)
			scan->entry = table->buckets[scan->bucket++];
		if (scan->entry == NULL || !OidIsValid(dboid) || scan->entry->dboid == dboid)
			return scan->entry;
	}
}
