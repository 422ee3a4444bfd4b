/*
 * cr_policy.h: the merchant's policy file (doc/policy.md, JSON).  Parsing
 * allocates (jansson) and copies all it needs into one flat struct.
 */

#ifndef CR_POLICY_H
#define CR_POLICY_H

#include "cr_base.h"
#include "cr_word.h"


#define CR_POLICY_TOUCHES   8
#define CR_POLICY_EXCLUDES  16
#define CR_POLICY_BYTES     65536    /* of the file, at most */

typedef enum {
    CR_CHAN_EMAIL, CR_CHAN_SMS, CR_CHAN_WHATSAPP, CR_CHAN_PUSH, CR_CHAN_VOICE,
    CR_CHAN_AUDIENCE, CR_CHAN_WEBHOOK, CR_CHAN_MAX
} cr_chan_e;

extern const char *const  cr_chan_word[CR_CHAN_MAX];

typedef enum {
    CR_PURPOSE_REMIND, CR_PURPOSE_PROOF, CR_PURPOSE_OBJECTION,
    CR_PURPOSE_OFFER, CR_PURPOSE_MAX
} cr_purpose_e;

extern const char *const  cr_purpose_word[CR_PURPOSE_MAX];

typedef struct {
    int64_t    after_ms;         /* from the abandonment */
    uint8_t    chan[CR_CHAN_MAX];/* in the order of preference */
    uint8_t    nchan;
    uint8_t    purpose;
} cr_touch_t;

typedef struct {
    int        version;
    char       site[33];         /* shop.id: [a-z0-9][a-z0-9-]{0,31} */
    char       name[64];
    char       url[128];         /* https://shop.example, no slash at the end */
    char       currency[4];
    char       tz[48];           /* IANA; "" not given, sending refuses */
    char       locale[8];        /* shop.default */
    char       locales[12][8];
    int        nlocales;
    char       platform[64];     /* profile name or "" */

    struct {                     /* shop.sender; sending needs all of it */
        char   from[160];        /* "Name <a@b>" or an address */
        char   reply_to[160];
        char   address[256];     /* postal */
        char   privacy[160];     /* URL */
    } sender;

    cr_mode_e  mode;

    int64_t    free_shipping;    /* minor units; CR_AMOUNT_UNKNOWN also where
                                    it differs by country */
    int        returns_days;     /* -1 unknown */

    struct {
        int64_t  cart_ms, checkout_ms, payment_ms;   /* 45, 30, 15 minutes */
        int64_t  min_value;                          /* minor units, 0 */
    } abandon;

    cr_touch_t touch[CR_POLICY_TOUCHES];
    int        ntouches;

    int64_t    min_gap_ms;       /* caps.min_gap, 3 h */
    int64_t    max_late_ms;      /* caps.max_late, e-mail 6 h */
    int        per_7d;           /* caps.messages_per_7d, 4 */
    int        quiet_from_min;   /* minutes of the day; -1 = no quiet hours */
    int        quiet_to_min;

    uint8_t    shipping_message; /* messages.M1.on, default 1 */

    uint8_t    consent_optin;    /* consent.mode: "opt-in" (1) or "opt-out" */
    uint8_t    gpc_no_marketing; /* consent.gpc, default 1 */

    double     holdout_pct;      /* 0..50, end of the adaptive range, 10 */
    uint8_t    holdout_adaptive; /* 50 % while young -> pct; default 1 */
    uint32_t   holdout_epoch;

    float      threshold;        /* model.threshold, 0.7 */
    int64_t    settle_ms;        /* observer gate's hold after a gap, 120 s */

    char       exclude_path[CR_POLICY_EXCLUDES][64];
    int        nexclude_paths;
    char       exclude_email[CR_POLICY_EXCLUDES][64];  /* "@domain", or a@b */
    int        nexclude_emails;
    uint8_t    exclude_bots;
} cr_policy_t;

/* Parses and checks.  Returns the number of mistakes (0 = good; the first
 * `max` are described in err, in file order) or CR_ERR when it is no JSON
 * (then err[0] says where).  Unknown keys are mistakes with a suggestion. */

int cr_policy_parse(cr_policy_t *p, const char *json, size_t len,
    cr_error_t *err, int max);

/* What sending needs beyond a valid policy; same conventions. */

int cr_policy_check_sending(const cr_policy_t *p, cr_error_t *err, int max);

/* "45m", "4h", "1500ms", "2d", "20s" -> ms; CR_ERR otherwise. */

int cr_duration_parse(cr_str_t s, int64_t *ms);

#endif
