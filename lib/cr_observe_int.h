/*
 * cr_observe_int.h: the states of an observation.  Nobody outside the engine
 * includes it.
 */

#ifndef CR_OBSERVE_INT_H
#define CR_OBSERVE_INT_H

enum { CR_BODY_UNKNOWN, CR_BODY_JSON, CR_BODY_OTHER };

#define CR_PART_SNIFF   1        /* what the answer is */
#define CR_PART_JSON    2        /* its JSON */
#define CR_PART_TEXT    4        /* its bytes */
#define CR_PART_PAGE    8        /* its tag <body> */

#define CR_LINES_OPEN   1        /* inside the list of lines */
#define CR_LINES_LINE   2        /* inside one of them */
#define CR_LINES_DONE   4        /* the list was seen to its end */
#define CR_LINES_BAD    8        /* a line could not be told apart */

enum { CR_ROWS_BEFORE, CR_ROWS_IN, CR_ROWS_ROW, CR_ROWS_AFTER };

#define CR_TEXT_FOUND   1        /* all steps seen: copying */
#define CR_TEXT_TAG     2        /* inside a tag, which is not copied */
#define CR_TEXT_DONE    4

#endif
