/*
 * notes.h
 *	  What an epoch has besides groups: dead letters, late rows, Kafka offsets, watermarks.
 */
#ifndef WEIR_NOTES_H
#define WEIR_NOTES_H

#include "postgres.h"
#include "groups/epoch.h"

/* Has the epoch any? */
extern bool weir_notes_any(Epoch *epoch);

/* Write them, in the flush transaction. */
extern void weir_notes_write(Epoch *epoch);

#endif
