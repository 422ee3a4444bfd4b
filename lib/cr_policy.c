#include "cr_policy_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>



#define AT(f)  .off = offsetof(cr_policy_t, f),                               \
               .size = sizeof(((cr_policy_t *) 0)->f)

#define TEXT(k, f)         { .key = k, .type = CR_FIELD_STR, AT(f) }
#define OWN(k, f, fn)      { .key = k, .type = CR_FIELD_OWN, AT(f), .own = fn }
#define KEEP(k, t, f, min, max)                                               \
    { .key = k, .type = t, AT(f), .lo = min, .hi = max }
#define WORD(k, f, list)                                                      \
    { .key = k, .type = CR_FIELD_WORD, AT(f), .words = list }
#define LATER(k, t, min, max)                                                 \
    { .key = k, .type = t, .lo = min, .hi = max }
#define OBJECT(k, table)   { .key = k, .type = CR_FIELD_OBJECT, .sub = table }
#define END                { .key = NULL }

#define DAY_MS  86400000.0


static void policy_map(cr_policy_ctx_t *c, json_t *v, const cr_field_t *sub);


const char *const  cr_chan_word[CR_CHAN_MAX] = {
    "email", "sms", "whatsapp", "push", "voice", "audience", "webhook"
};

const char *const  cr_purpose_word[CR_PURPOSE_MAX] = {
    "remind", "proof", "objection", "offer"
};

#define MODE(n, w)  w,

static const char *const  mode_words[] = { CR_MODES(MODE) NULL };
static const char *const  consent_words[] = { "opt-out", "opt-in", NULL };
static const char *const  gpc_words[] = { "ignore", "no-marketing", NULL };
static const char *const  code_words[] = { "pool", "api", "signed", NULL };

static const cr_field_t  sender_fields[] = {
    OWN("from", sender.from, cr_policy_set_mailbox),
    OWN("reply_to", sender.reply_to, cr_policy_set_mailbox),
    TEXT("address", sender.address),
    OWN("privacy", sender.privacy, cr_policy_set_link),
    END
};

static const cr_field_t  shop_fields[] = {
    OWN("id", site, cr_policy_set_id),
    TEXT("name", name),
    OWN("url", url, cr_policy_set_url),
    OWN("currency", currency, cr_policy_set_currency),
    OWN("tz", tz, cr_policy_set_tz),
    OWN("locales", locales, cr_policy_set_locales),
    OWN("default", locale, cr_policy_set_locale),
    OBJECT("sender", sender_fields),
    END
};

static const cr_field_t  costs_fields[] = {
    OWN("free_shipping", free_shipping, cr_policy_set_free_shipping),
    LATER("standard", CR_FIELD_AMOUNT, 0, CR_POLICY_AMOUNT_MAX),
    LATER("delivery_days", CR_FIELD_INTS, 0, 365),
    END
};

static const cr_field_t  trust_fields[] = {
    KEEP("returns_days", CR_FIELD_INT, returns_days, 0, 3650),
    LATER("returns_free", CR_FIELD_BOOL, 0, 0),
    LATER("price_match_days", CR_FIELD_INT, 0, 3650),
    LATER("price_match_url", CR_FIELD_STR, 0, 0),
    LATER("payments", CR_FIELD_STRINGS, 0, 0),
    END
};

static const cr_field_t  margin_fields[] = {
    LATER("default_pct", CR_FIELD_NUMBER, 0, 100),
    LATER("floor_pct", CR_FIELD_NUMBER, 0, 100),
    LATER("source", CR_FIELD_STR, 0, 0),
    LATER("exclude", CR_FIELD_STRINGS, 0, 0),
    END
};

static const cr_field_t  codes_fields[] = {
    { .key = "mode", .type = CR_FIELD_WORD, .words = code_words },
    LATER("file", CR_FIELD_STR, 0, 0),
    LATER("low_water", CR_FIELD_INT, 0, 1000000),
    END
};

static const cr_field_t  offers_fields[] = {
    LATER("ladder", CR_FIELD_STRINGS, 0, 0),
    LATER("max_pct", CR_FIELD_NUMBER, 0, 100),
    LATER("budget_day", CR_FIELD_AMOUNT, 0, CR_POLICY_AMOUNT_MAX),
    LATER("per_shopper_days", CR_FIELD_INT, 0, 3650),
    OBJECT("codes", codes_fields),
    END
};

static const cr_field_t  abandon_fields[] = {
    KEEP("cart_after", CR_FIELD_DURATION, abandon.cart_ms, 1, 7 * DAY_MS),
    KEEP("checkout_after", CR_FIELD_DURATION, abandon.checkout_ms, 1,
         7 * DAY_MS),
    KEEP("payment_after", CR_FIELD_DURATION, abandon.payment_ms, 1, 7 * DAY_MS),
    KEEP("min_value", CR_FIELD_AMOUNT, abandon.min_value, 0,
         CR_POLICY_AMOUNT_MAX),
    END
};

static const cr_field_t  caps_fields[] = {
    KEEP("min_gap", CR_FIELD_DURATION, min_gap_ms, 0, 30 * DAY_MS),
    KEEP("max_late", CR_FIELD_DURATION, max_late_ms, 1, 7 * DAY_MS),
    KEEP("messages_per_7d", CR_FIELD_INT, per_7d, 1, 100),
    { .key = "quiet", .type = CR_FIELD_OWN, .own = cr_policy_set_quiet },
    LATER("modal_per_session", CR_FIELD_INT, 0, 100),
    LATER("modal_per_7d", CR_FIELD_INT, 0, 100),
    LATER("dismiss_cooldown_d", CR_FIELD_INT, 0, 3650),
    END
};

static const cr_field_t  consent_fields[] = {
    WORD("mode", consent_optin, consent_words),
    LATER("cmp", CR_FIELD_STRINGS, 0, 0),
    WORD("gpc", gpc_no_marketing, gpc_words),
    LATER("doi", CR_FIELD_STRINGS, 0, 0),
    LATER("retention_d", CR_FIELD_INT, 1, 3650),
    END
};

static const cr_field_t  holdout_fields[] = {
    KEEP("pct", CR_FIELD_NUMBER, holdout_pct, 0, 50),
    KEEP("adaptive", CR_FIELD_BOOL, holdout_adaptive, 0, 0),
    KEEP("epoch", CR_FIELD_INT, holdout_epoch, 0, UINT32_MAX),
    END
};

static const cr_field_t  model_fields[] = {
    KEEP("threshold", CR_FIELD_NUMBER, threshold, 0, 1),
    END
};

static const cr_field_t  gate_fields[] = {
    KEEP("settle", CR_FIELD_DURATION, settle_ms, 0, DAY_MS),
    END
};

static const cr_field_t  exclude_fields[] = {
    OWN("paths", exclude_path, cr_policy_set_exclude),
    OWN("emails", exclude_email, cr_policy_set_exclude),
    LATER("ips", CR_FIELD_STRINGS, 0, 0),
    KEEP("bots", CR_FIELD_BOOL, exclude_bots, 0, 0),
    END
};

static const cr_field_t  shipping_fields[] = {
    KEEP("on", CR_FIELD_BOOL, shipping_message, 0, 0),
    END
};

static const cr_field_t  message_fields[] = {
    LATER("on", CR_FIELD_BOOL, 0, 0),
    END
};

static const cr_field_t  messages_fields[] = {
    OBJECT("M1", shipping_fields),
    OBJECT("M2", message_fields),
    OBJECT("M3", message_fields),
    OBJECT("M4", message_fields),
    OBJECT("M5", message_fields),
    OBJECT("M6", message_fields),
    OBJECT("M7", message_fields),
    OBJECT("M8", message_fields),
    OBJECT("M9", message_fields),
    OBJECT("M10", message_fields),
    OBJECT("M11", message_fields),
    OBJECT("M12", message_fields),
    OBJECT("M13", message_fields),
    OBJECT("M14", message_fields),
    OBJECT("M15", message_fields),
    END
};

const cr_field_t  cr_policy_root[] = {
    KEEP("version", CR_FIELD_INT, version, 1, 1),
    OBJECT("shop", shop_fields),
    WORD("mode", mode, mode_words),
    TEXT("platform", platform),
    OBJECT("costs", costs_fields),
    OBJECT("trust", trust_fields),
    OBJECT("margin", margin_fields),
    OBJECT("offers", offers_fields),
    OBJECT("abandon", abandon_fields),
    { .key = "sequence", .type = CR_FIELD_OWN, .own = cr_policy_set_sequence },
    OBJECT("caps", caps_fields),
    OBJECT("consent", consent_fields),
    OBJECT("holdout", holdout_fields),
    OBJECT("model", model_fields),
    OBJECT("gate", gate_fields),
    { .key = "zones", .type = CR_FIELD_MAP },
    OBJECT("messages", messages_fields),
    OBJECT("exclude", exclude_fields),
    END
};


static void
policy_number(cr_policy_ctx_t *c, const cr_field_t *f, json_t *v, char *at)
{
    int       whole;
    float     single;
    double    d;
    uint32_t  u;

    whole = (f->type == CR_FIELD_INT);

    if (whole ? !json_is_integer(v) : !json_is_number(v)) {
        cr_policy_mistake(c, "is %s, must be a %snumber",
                          json_is_real(v) ? "a fraction" : cr_policy_type(v),
                          whole ? "whole " : "");
        return;
    }

    d = json_number_value(v);

    if (d < f->lo || d > f->hi) {
        if (f->lo < f->hi) {
            cr_policy_mistake(c, "is %g, must be from %g to %.0f", d, f->lo,
                              f->hi);
        } else {
            cr_policy_mistake(c, "is %g, this version reads %g", d, f->lo);
        }

        return;
    }

    if (f->size == sizeof(double)) {
        memcpy(at, &d, sizeof(d));

    } else if (f->size == sizeof(uint32_t) && whole) {
        u = (uint32_t) d;
        memcpy(at, &u, sizeof(u));

    } else if (f->size == sizeof(float)) {
        single = (float) d;
        memcpy(at, &single, sizeof(single));
    }
}


static void
policy_word(cr_policy_ctx_t *c, const cr_field_t *f, json_t *v, char *at)
{
    int                 i;
    char                list[96];
    size_t              n;
    unsigned            u;
    const char *const  *w;

    for (i = 0; f->words[i]; i++) {
        if (json_is_string(v)
            && strcmp(json_string_value(v), f->words[i]) == 0)
        {
            u = (unsigned) i;

            if (f->size == sizeof(u)) {
                memcpy(at, &u, sizeof(u));

            } else if (f->size == 1) {
                *at = (char) i;
            }

            return;
        }
    }

    n = 0;

    for (w = f->words; *w && n < sizeof(list); w++) {
        n += (size_t) snprintf(list + n, sizeof(list) - n, "%s\"%s\"",
                               (w == f->words) ? "" : ", ", *w);
    }

    if (json_is_string(v)) {
        cr_policy_mistake(c, "\"%.32s\" is none of %s", json_string_value(v),
                          list);
    } else {
        cr_policy_mistake(c, "is %s, must be one of %s", cr_policy_type(v),
                          list);
    }
}


static void
policy_list(cr_policy_ctx_t *c, const cr_field_t *f, json_t *v)
{
    char        buf[512];
    size_t      i, mark;
    json_t     *e;
    cr_field_t  each;

    if (!json_is_array(v)) {
        cr_policy_mistake(c, "is %s, must be a list of %s", cr_policy_type(v),
                          (f->type == CR_FIELD_INTS) ? "numbers" : "strings");
        return;
    }

    each = *f;
    each.type = CR_FIELD_INT;

    json_array_foreach(v, i, e) {
        mark = cr_policy_enter_at(c, i);

        if (f->type == CR_FIELD_INTS) {
            policy_number(c, &each, e, buf);
        } else {
            (void) cr_policy_string(c, e, buf, sizeof(buf));
        }

        cr_policy_leave(c, mark);
    }
}


static void
policy_field(cr_policy_ctx_t *c, const cr_field_t *f, json_t *v)
{
    char     *at, buf[512];
    int64_t   n;

    at = f->size ? (char *) c->p + f->off : buf;

    switch (f->type) {

    case CR_FIELD_STR:
        (void) cr_policy_string(c, v, at, f->size ? f->size : sizeof(buf));
        break;

    case CR_FIELD_INT:
    case CR_FIELD_NUMBER:
        policy_number(c, f, v, at);
        break;

    case CR_FIELD_AMOUNT:
        if (cr_policy_amount(c, v, &n) == CR_OK) {
            memcpy(at, &n, sizeof(n));
        }

        break;

    case CR_FIELD_DURATION:
        if (cr_policy_duration(c, v, f->lo, f->hi, &n) == CR_OK) {
            memcpy(at, &n, sizeof(n));
        }

        break;

    case CR_FIELD_BOOL:
        if (json_is_boolean(v)) {
            *at = (char) json_is_true(v);
        } else {
            cr_policy_mistake(c, "is %s, must be true or false",
                              cr_policy_type(v));
        }

        break;

    case CR_FIELD_WORD:
        policy_word(c, f, v, at);
        break;

    case CR_FIELD_STRINGS:
    case CR_FIELD_INTS:
        policy_list(c, f, v);
        break;

    default:
        f->own(c, f, v);
        break;
    }
}


static void
policy_object(cr_policy_ctx_t *c, json_t *v, const cr_field_t *fields)
{
    size_t             mark, i;
    json_t            *value;
    const char        *key, *known[24];
    const cr_field_t  *f;

    if (!json_is_object(v)) {
        cr_policy_mistake(c, "is %s, must be an object", cr_policy_type(v));
        return;
    }

    for (i = 0, f = fields; f->key; f++) {
        known[i++] = f->key;
    }

    known[i] = NULL;

    json_object_foreach(v, key, value) {

        for (f = fields; f->key && strcmp(f->key, key) != 0; f++) {
            /* void */
        }

        if (f->key == NULL) {
            cr_policy_unknown(c, key, known);
            continue;
        }

        mark = cr_policy_enter(c, key);

        if (f->type == CR_FIELD_OBJECT) {
            policy_object(c, value, f->sub);

        } else if (f->type == CR_FIELD_MAP) {
            policy_map(c, value, f->sub);

        } else {
            policy_field(c, f, value);
        }

        cr_policy_leave(c, mark);
    }
}


static void
policy_map(cr_policy_ctx_t *c, json_t *v, const cr_field_t *sub)
{
    char         buf[512];
    size_t       mark;
    json_t      *value;
    const char  *key;

    if (!json_is_object(v)) {
        cr_policy_mistake(c, "is %s, must be an object", cr_policy_type(v));
        return;
    }

    json_object_foreach(v, key, value) {
        mark = cr_policy_enter(c, key);

        if (sub) {
            policy_object(c, value, sub);
        } else {
            (void) cr_policy_string(c, value, buf, sizeof(buf));
        }

        cr_policy_leave(c, mark);
    }
}


static void
policy_defaults(cr_policy_t *p)
{
    int  i;

    static const struct {
        int64_t  after_ms;
        uint8_t  purpose;
    } preset[] = {
        { 3600000, CR_PURPOSE_REMIND },
        { 24 * 3600000LL, CR_PURPOSE_PROOF },
        { 72 * 3600000LL, CR_PURPOSE_OBJECTION }
    };

    memset(p, 0, sizeof(*p));

    p->version = 1;
    p->mode = CR_MODE_ON;
    p->free_shipping = CR_AMOUNT_UNKNOWN;
    p->returns_days = -1;
    p->abandon.cart_ms = 45 * 60000;
    p->abandon.checkout_ms = 30 * 60000;
    p->abandon.payment_ms = 15 * 60000;
    p->min_gap_ms = 3 * 3600000;
    p->max_late_ms = 6 * 3600000;
    p->per_7d = 4;
    p->quiet_from_min = 21 * 60;
    p->quiet_to_min = 8 * 60;
    p->consent_optin = 1;
    p->gpc_no_marketing = 1;
    p->shipping_message = 1;
    p->holdout_pct = 10;
    p->holdout_adaptive = 1;
    p->threshold = 0.7f;
    p->settle_ms = 120000;
    p->exclude_bots = 1;

    for (i = 0; i < (int) (sizeof(preset) / sizeof(preset[0])); i++) {
        p->touch[i].after_ms = preset[i].after_ms;
        p->touch[i].purpose = preset[i].purpose;
        p->touch[i].chan[0] = CR_CHAN_EMAIL;
        p->touch[i].nchan = 1;
    }

    p->ntouches = i;
}


/* What follows from other fields where it was not given. */

static void
policy_derive(cr_policy_t *p)
{
    if (p->name[0] == '\0') {
        memcpy(p->name, p->site, sizeof(p->site));
    }

    if (p->locale[0] == '\0') {
        memcpy(p->locale, p->nlocales ? p->locales[0] : "en",
               p->nlocales ? sizeof(p->locale) : sizeof("en"));
    }

    if (p->nlocales == 0) {
        memcpy(p->locales[0], p->locale, sizeof(p->locale));
        p->nlocales = 1;
    }

    if (p->holdout_pct <= 0) {
        p->holdout_adaptive = 0;
    }
}


static int
policy_no_json(cr_error_t *err, int max, int line, const char *fmt, ...)
{
    va_list  args;

    if (max > 0) {
        memset(err, 0, sizeof(*err));
        err->line = line;
        err->path[0] = '$';

        va_start(args, fmt);
        (void) vsnprintf(err->text, sizeof(err->text), fmt, args);
        va_end(args);
    }

    return CR_ERR;
}


int
cr_policy_parse(cr_policy_t *p, const char *json, size_t len,
    cr_error_t *err, int max)
{
    json_t           *root;
    json_error_t      e;
    cr_policy_ctx_t   c;

    policy_defaults(p);

    if (len > CR_POLICY_BYTES) {
        return policy_no_json(err, max, 0, "the file has %zu bytes, at most %d "
                              "are read", len, CR_POLICY_BYTES);
    }

    root = json_loadb(json, len, JSON_REJECT_DUPLICATES, &e);

    if (root == NULL) {
        return policy_no_json(err, max, e.line, "no JSON: %s (column %d)",
                              e.text, e.column);
    }

    memset(&c, 0, sizeof(c));
    c.p = p;
    c.json = json;
    c.len = len;
    c.err = err;
    c.max = max;
    c.path[0] = '$';
    c.path_len = 1;

    policy_object(&c, root, cr_policy_root);

    if (json_is_object(root)) {
        cr_policy_contradictions(&c, root);
    }

    policy_derive(p);
    json_decref(root);

    return c.n;
}
