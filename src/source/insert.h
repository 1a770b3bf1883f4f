/*
 * insert.h
 *	  The source of inserted rows.
 */
#ifndef WEIR_SOURCE_INSERT_H
#define WEIR_SOURCE_INSERT_H

/* Registers the source; called once, from _PG_init. */
extern void weir_insert_init(void);

#endif
