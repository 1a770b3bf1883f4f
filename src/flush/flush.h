/*
 * flush.h
 *	  The flush worker.
 */
#ifndef WEIR_FLUSH_FLUSH_H
#define WEIR_FLUSH_FLUSH_H

/* Registers the kind of worker; called once, from _PG_init. */
extern void weir_flush_init(void);

#endif
