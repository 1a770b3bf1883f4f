/*
 * offset.h
 *	  Offsets of sources that are written with an epoch, one a partition.
 */
#ifndef WEIR_GROUPS_OFFSET_H
#define WEIR_GROUPS_OFFSET_H

#include "postgres.h"

#include "base/arena.h"
#include "stream/batch.h"

/* Its strings are behind it. */
typedef struct EpochOffset
{
	struct EpochOffset *next;
	SourceOffset offset;
} EpochOffset;

/* What a list has of a partition, or NULL. */
extern EpochOffset *weir_offset_find(EpochOffset *list, Oid streamid, const char *topic, int32 partition);

/*
 * To put an offset into a list: find its place, or reserve one if there is
 * none with the same names (NULL: memory is full); then set it, which cannot
 * fail.
 */
extern EpochOffset *weir_offset_place(EpochOffset *list, const SourceOffset *offset);
extern EpochOffset *weir_offset_reserve(Arena *arena, const SourceOffset *offset);
extern void weir_offset_set(EpochOffset **list, EpochOffset *reserved, const SourceOffset *offset);

#endif
