/*
 * adopt.h
 *	  The end of a restore.
 */
#ifndef WEIR_VIEW_ADOPT_H
#define WEIR_VIEW_ADOPT_H

#include "view/statement.h"

/*
 * REFRESH MATERIALIZED VIEW weir.restored, which ends a dump: carries it out,
 * and takes in what was restored.  False: the statement is about something
 * else.
 */
extern bool weir_adopt_refresh(UtilityCall *call);

#endif
