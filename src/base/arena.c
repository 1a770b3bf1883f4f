/*
 * arena.c
 *	  Memory that is taken in blocks, handed out by bumping and given back
 *	  whole.
 *
 * Locking: none here; whoever owns the arena sees to it.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "base/arena.h"
#include "base/shmem.h"

#define ARENA_BLOCK_MIN (16 * 1024)

static void *alloc_large(Arena *arena, Size size);
static void add_block(Arena *arena, ArenaBlock *block, Size size);

void
weir_arena_init(Arena *arena, MemoryContext cxt)
{
	memset(arena, 0, sizeof(Arena));
	arena->cxt = cxt;
}

void *
weir_arena_alloc(Arena *arena, Size size)
{
	void	   *result;

	size = MAXALIGN(size);
	if (size >= ARENA_LARGE)
		return alloc_large(arena, size);
	if (size > arena->left)
	{
		Size		block_size = ARENA_BLOCK_MIN;
		Size		header = MAXALIGN(sizeof(ArenaBlock));
		ArenaBlock *block;

		while (block_size < arena->total && block_size < ARENA_BLOCK_MAX)
			block_size *= 2;
		block_size = Min(block_size, ARENA_BLOCK_MAX);
		block_size = Max(block_size, size + header);
		block = weir_arena_alloc_apart(arena, block_size);
		if (block == NULL && block_size > size + header)
		{
			/* Near the limit: what is needed and no more. */
			block_size = Max(size + header, ARENA_BLOCK_MIN);
			block = weir_arena_alloc_apart(arena, block_size);
		}
		if (block == NULL)
			return NULL;
		add_block(arena, block, block_size);
		arena->free = (char *) block + header;
		arena->left = block_size - header;
	}
	result = arena->free;
	arena->free += size;
	arena->left -= size;
	return result;
}

void
weir_arena_rollback(Arena *arena, const Arena *mark)
{
	while (arena->blocks != mark->blocks)
	{
		ArenaBlock *block = arena->blocks;

		arena->blocks = block->next;
		weir_arena_free_apart(arena->cxt, block);
	}
	*arena = *mark;
}

void
weir_arena_free(Arena *arena)
{
	Arena		empty;

	weir_arena_init(&empty, arena->cxt);
	weir_arena_rollback(arena, &empty);
}

void
weir_arena_free_large(Arena *arena, void *ptr, Size size)
{
	ArenaBlock *large = (ArenaBlock *) ((char *) ptr - MAXALIGN(sizeof(ArenaBlock)));
	ArenaBlock **place = &arena->blocks;

	if (MAXALIGN(size) < ARENA_LARGE)
		return;
	while (*place != large)
		place = &(*place)->next;
	*place = large->next;
	arena->total -= large->size;
	weir_arena_free_apart(arena->cxt, large);
}

void *
weir_arena_alloc_apart(const Arena *arena, Size size)
{
	if (arena->cxt != NULL)
		return MemoryContextAllocHuge(arena->cxt, size);
	if (arena->reserve)
		return weir_shared_alloc_reserve(WEIR_MEMORY_GROUPS, size);
	return weir_shared_alloc(WEIR_MEMORY_GROUPS, size);
}

void
weir_arena_free_apart(MemoryContext cxt, void *ptr)
{
	if (cxt == NULL)
		weir_shared_free(ptr);
	else
		pfree(ptr);
}

/* A block of its own; what is left of the one before is still handed out. */
static void *
alloc_large(Arena *arena, Size size)
{
	Size		header = MAXALIGN(sizeof(ArenaBlock));
	ArenaBlock *block = weir_arena_alloc_apart(arena, size + header);

	if (block == NULL)
		return NULL;
	add_block(arena, block, size + header);
	return (char *) block + header;
}

static void
add_block(Arena *arena, ArenaBlock *block, Size size)
{
	block->size = size;
	block->next = arena->blocks;
	arena->blocks = block;
	arena->total += size;
}
