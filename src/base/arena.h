/*
 * arena.h
 *	  Memory that is taken in blocks, handed out by bumping and given back
 *	  whole.
 */
#ifndef WEIR_BASE_ARENA_H
#define WEIR_BASE_ARENA_H

#include "postgres.h"

/*
 * Blocks grow up to this size; what is at least ARENA_LARGE has one of its
 * own, and can be freed alone.
 */
#define ARENA_BLOCK_MAX (1024 * 1024)
#define ARENA_LARGE (256 * 1024)

typedef struct ArenaBlock
{
	struct ArenaBlock *next;
	Size		size;
} ArenaBlock;

/*
 * In shared memory (of kind WEIR_MEMORY_GROUPS) when cxt is NULL, else
 * palloc'd in cxt.
 */
typedef struct Arena
{
	MemoryContext cxt;
	ArenaBlock *blocks;			/* latest first */
	char	   *free;
	Size		left;
	Size		total;

	/* beyond the limit: for small things that let others go on */
	bool		reserve;
} Arena;

extern void weir_arena_init(Arena *arena, MemoryContext cxt);

/* NULL when memory is full */
extern void *weir_arena_alloc(Arena *arena, Size size);
extern void weir_arena_free(Arena *arena);

/* Free what was allocated since the arena was copied to *mark. */
extern void weir_arena_rollback(Arena *arena, const Arena *mark);

/*
 * Free one allocation, which had this size, if it was large enough for a block
 * of its own.
 */
extern void weir_arena_free_large(Arena *arena, void *ptr, Size size);

/*
 * An allocation that is no part of the arena, from where the arena gets its
 * blocks; and freeing it.
 */
extern void *weir_arena_alloc_apart(const Arena *arena, Size size);
extern void weir_arena_free_apart(MemoryContext cxt, void *ptr);

#endif
