/*
 * offset.c
 *	  Offsets of sources that are written with an epoch, one a partition.
 */
#include "postgres.h"

#include "groups/offset.h"

static bool equal_names(const char *a, const char *b);
static const char *copy_name(char **place, const char *name);

EpochOffset *
weir_offset_find(EpochOffset *list, Oid streamid, const char *topic, int32 partition)
{
	for (EpochOffset *o = list; o; o = o->next)
		if (o->offset.streamid == streamid && o->offset.partition == partition &&
			strcmp(o->offset.topic, topic) == 0)
			return o;
	return NULL;
}

EpochOffset *
weir_offset_place(EpochOffset *list, const SourceOffset *offset)
{
	EpochOffset *place = weir_offset_find(list, offset->streamid, offset->topic, offset->partition);

	return place && equal_names(place->offset.cluster, offset->cluster) &&
		equal_names(place->offset.topic_id, offset->topic_id) ? place : NULL;
}

EpochOffset *
weir_offset_reserve(Arena *arena, const SourceOffset *offset)
{
	EpochOffset *result;
	char	   *place;

	result = weir_arena_alloc(arena, sizeof(EpochOffset) + strlen(offset->topic) + 1 +
							  (offset->cluster ? strlen(offset->cluster) + 1 : 0) +
							  (offset->topic_id ? strlen(offset->topic_id) + 1 : 0));
	if (result == NULL)
		return NULL;
	place = (char *) (result + 1);
	result->offset.topic = copy_name(&place, offset->topic);
	result->offset.cluster = copy_name(&place, offset->cluster);
	result->offset.topic_id = copy_name(&place, offset->topic_id);
	return result;
}

void
weir_offset_set(EpochOffset **list, EpochOffset *reserved, const SourceOffset *offset)
{
	EpochOffset *place = reserved ? reserved : weir_offset_place(*list, offset);
	EpochOffset *old = weir_offset_find(*list, offset->streamid, offset->topic, offset->partition);
	SourceOffset names = place->offset;
	TimestampTz passed = old ? old->offset.unread_since : 0;
	EpochOffset **link = list;

	if (reserved)
	{
		/* In the place of what the list has of the partition, if it has. */
		while (old && *link != old)
			link = &(*link)->next;
		place->next = old ? old->next : *list;
		*link = place;
	}
	place->offset = *offset;
	place->offset.topic = names.topic;
	place->offset.cluster = names.cluster;
	place->offset.topic_id = names.topic_id;
	if (offset->unread_since == 0)
		place->offset.unread_since = passed;
}

static bool
equal_names(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static const char *
copy_name(char **place, const char *name)
{
	char	   *copy = *place;

	if (name == NULL)
		return NULL;
	strcpy(copy, name);
	*place += strlen(name) + 1;
	return copy;
}
