/*
 * view_options.h
 *	  Options of CREATE VIEW ... WITH (...) over a stream.
 */
#ifndef WEIR_VIEW_OPTIONS_H
#define WEIR_VIEW_OPTIONS_H

#include "catalog/cont_view.h"
#include "nodes/pg_list.h"

/*
 * Read the options of a continuous view.  *rest gets those that are
 * PostgreSQL's own, to be given to the ordinary view.
 */
extern void weir_view_options_read(List *defelems, ContViewOptions *options, List **rest);

/* Refuse options of continuous views on a view that reads no stream. */
extern void weir_view_options_refuse(List *defelems);

#endif
