/*
 * change.h
 *	  Who is told of the rows of a matrel while a flush writes them.
 *
 * A listener belongs to one writer (weir_writer_listen) and is embedded in the
 * struct of who listens.  A writer without one pays nothing.
 */
#ifndef WEIR_MATREL_CHANGE_H
#define WEIR_MATREL_CHANGE_H

#include "postgres.h"

#include "executor/tuptable.h"

typedef struct ChangeListener ChangeListener;

struct ChangeListener
{
	/*
	 * States have come for a group and are about to be combined with its row,
	 * or to become its row: the listener may set states of delta, a row of the
	 * group table's type (keys, then states).  NULL: it never does.
	 */
	void		(*arriving) (ChangeListener *self, TupleTableSlot *delta);

	/*
	 * A row is written: as it was (NULL: the group is new), as it is from now
	 * on, and the states that came.  Both rows are of the matrel's own type,
	 * states packed, so that expressions over the matrel can be evaluated over
	 * either.  Slots are valid during the call only; all columns are fetched.
	 * Not called when the states that came change nothing, nor for a change
	 * that is none of the group's row but of the block of steps that it
	 * carries.  May run code of users, and may error, as combine functions
	 * may.  NULL: it need not know.
	 *
	 * Rows that expire are deleted in statements (remove.c), or with their
	 * partition, and nobody is told.
	 */
	void		(*changed) (ChangeListener *self, TupleTableSlot *old_row, TupleTableSlot *new_row,
							TupleTableSlot *delta);
};

#endif
