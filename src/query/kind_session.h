/*
 * kind_session.h
 *	  Session windows: panes that the view query puts into sessions.
 */
#ifndef WEIR_QUERY_KIND_SESSION_H
#define WEIR_QUERY_KIND_SESSION_H

#include "query/window_kind.h"

extern const WindowKind weir_session_kind;

#endif
