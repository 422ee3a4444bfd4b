/*
 * cr_event.h: what travels from nginx to the worker: the fields of a stream
 * entry and the JSON payloads, doc/protocol.md.  Writers here never allocate;
 * readers (worker, CLI) live with their users and use jansson.
 */

#ifndef CR_EVENT_H
#define CR_EVENT_H

#include "cr_base.h"
#include "cr_table.h"
#include "cr_word.h"


#define CR_EVENT_JSON   6144     /* a payload never exceeds it */
#define CR_EVENT_ID     80

/* The payload "d" of one owed kind, terminated; length or CR_FULL.
 * nth: which order (0 for the other kinds). */

int cr_event_json(const cr_owed_t *o, cr_kind_e kind, int nth, char *buf,
    size_t cap);

/* The event id "e": the same for each re-send of the same version, whatever
 * the process. */

int cr_event_id(const cr_owed_t *o, uint64_t epoch, cr_kind_e kind, int nth,
    char out[CR_EVENT_ID]);

#endif
