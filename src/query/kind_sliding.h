/*
 * kind_sliding.h
 *	  Sliding windows: steps of time that the view query combines.
 */
#ifndef WEIR_QUERY_KIND_SLIDING_H
#define WEIR_QUERY_KIND_SLIDING_H

#include "query/window_kind.h"

extern const WindowKind weir_sliding_kind;

#endif
