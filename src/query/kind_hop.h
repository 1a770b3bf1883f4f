/*
 * kind_hop.h
 *	  Hopping and cumulating windows: panes that the view query joins with
 *	  windows.
 */
#ifndef WEIR_QUERY_KIND_HOP_H
#define WEIR_QUERY_KIND_HOP_H

#include "query/window_kind.h"

extern const WindowKind weir_hop_kind;
extern const WindowKind weir_cumulate_kind;

/* Operations of all kinds that are kept in panes. */
extern Expr *weir_pane_cell(const struct ContQuery *cq);
extern const char *weir_pane_cell_name(const struct ContQuery *cq, Query *def);
extern Node *weir_pane_has_cell(const struct ContQuery *cq);

#endif
