#define _GNU_SOURCE

#include <stdio.h>
#include <string.h>
#include <unicode/ucal.h>
#include <unicode/ustring.h>

#include "worker.h"


#define CRD_DAY     (24 * 60)
#define CRD_ALWAYS  INT64_C(9000000000000000)


static UCalendar *crd_calendar(const char *tz);
static int crd_local_minute(UCalendar *cal, int64_t now);
static int64_t crd_next(UCalendar *cal, int64_t now, int minute);


/* What scripts need of the policy, as text. */

void
crd_plan_texts(crd_site_t *s)
{
    int                 i, n;
    size_t              at;
    int64_t             longest;
    const cr_policy_t  *p;

    p = &s->policy;
    longest = 0;

    at = (size_t) snprintf(s->plan, sizeof(s->plan), "%lld",
                           (long long) p->min_gap_ms);

    for (i = 0; i < p->ntouches && at < sizeof(s->plan) - 24; i++) {
        n = snprintf(s->plan + at, sizeof(s->plan) - at, " %lld",
                     (long long) p->touch[i].after_ms);
        at += (size_t) n;
        if (p->touch[i].after_ms > longest) {
            longest = p->touch[i].after_ms;
        }
    }

    snprintf(s->delays, sizeof(s->delays), "%lld %lld %lld",
             (long long) p->abandon.cart_ms,
             (long long) p->abandon.checkout_ms,
             (long long) p->abandon.payment_ms);

    /* no touch lies further ahead than the plan, a gap and a night */

    s->horizon = longest + p->min_gap_ms + p->abandon.cart_ms
                 + 2 * CRD_DAY * 60000LL;
}


int
crd_plan_window(const cr_policy_t *p, int64_t now, int64_t *from,
    int64_t *until)
{
    int         minute, quiet;
    UCalendar  *cal;

    *from = 0;
    *until = CRD_ALWAYS;

    if (p->quiet_from_min < 0 || p->quiet_from_min == p->quiet_to_min) {
        return CR_OK;
    }

    cal = crd_calendar(p->tz);
    if (cal == NULL) {
        return CR_ERR;
    }

    minute = crd_local_minute(cal, now);

    if (p->quiet_from_min < p->quiet_to_min) {
        quiet = minute >= p->quiet_from_min && minute < p->quiet_to_min;
    } else {
        quiet = minute >= p->quiet_from_min || minute < p->quiet_to_min;
    }

    if (quiet) {
        *from = crd_next(cal, now, p->quiet_to_min);
        *until = crd_next(cal, *from, p->quiet_from_min);
    } else {
        *until = crd_next(cal, now, p->quiet_from_min);
    }

    ucal_close(cal);

    return CR_OK;
}


static UCalendar *
crd_calendar(const char *tz)
{
    UChar       id[64], known[64];
    UBool       system;
    int32_t     n;
    UCalendar  *cal;
    UErrorCode  err;

    err = U_ZERO_ERROR;
    u_strFromUTF8(id, 64, &n, tz, -1, &err);

    /* ICU takes any name for GMT: ask first */

    ucal_getCanonicalTimeZoneID(id, n, known, 64, &system, &err);
    if (U_FAILURE(err) || !system) {
        return NULL;
    }

    cal = ucal_open(id, n, "en", UCAL_GREGORIAN, &err);

    return U_FAILURE(err) ? NULL : cal;
}


static int
crd_local_minute(UCalendar *cal, int64_t now)
{
    int         minute;
    UErrorCode  err;

    err = U_ZERO_ERROR;
    ucal_setMillis(cal, (UDate) now, &err);

    minute = ucal_get(cal, UCAL_HOUR_OF_DAY, &err) * 60
             + ucal_get(cal, UCAL_MINUTE, &err);

    return minute;
}


/* The next moment after now at which the wall clock shows `minute` of the day;
 * a wall clock that is set in between is followed. */

static int64_t
crd_next(UCalendar *cal, int64_t now, int minute)
{
    int         i;
    int64_t     at;
    UErrorCode  err;

    err = U_ZERO_ERROR;
    ucal_setMillis(cal, (UDate) now, &err);
    ucal_set(cal, UCAL_HOUR_OF_DAY, minute / 60);
    ucal_set(cal, UCAL_MINUTE, minute % 60);
    ucal_set(cal, UCAL_SECOND, 0);
    ucal_set(cal, UCAL_MILLISECOND, 0);

    for (i = 0; i < 3; i++) {
        at = (int64_t) ucal_getMillis(cal, &err);
        if (at > now || U_FAILURE(err)) {
            break;
        }
        ucal_add(cal, UCAL_DAY_OF_MONTH, 1, &err);
    }

    return U_FAILURE(err) ? now + 60000 : at;
}
