#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unicode/unum.h>
#include <unicode/ustring.h>
#include <unistd.h>

#include "cr_cart.h"
#include "cr_mime.h"
#include "cr_mustache.h"
#include "worker.h"


#define CRD_TEMPLATE     65536
#define CRD_SHOWN        6       /* lines of the cart that a message names */
#define CRD_LINK_DAYS    30

typedef struct {
    char         locale[8];
    char        *part[3];        /* subject, txt, html */
    json_t      *view;
    char         restore[320];
    char         unsubscribe[320];
} crd_render_t;

static const char *const  crd_parts[] = { "subject", "txt", "html" };


static int crd_render_texts(crd_job_t *job, crd_render_t *r, cr_error_t *err);
static void crd_render_links(crd_job_t *job, crd_render_t *r);
static json_t *crd_render_view(crd_job_t *job, const crd_claim_t *c,
    crd_render_t *r);
static json_t *crd_render_cart(const crd_claim_t *c, const crd_render_t *r);
static json_t *crd_render_line(const cr_line_t *l, const cr_cart_t *cart,
    const char *locale);
static void crd_render_locale(crd_job_t *job, const crd_claim_t *c,
    crd_render_t *r);
static char *crd_render_template(crd_job_t *job, const char *locale,
    const char *part, cr_error_t *err);
static void crd_money(int64_t minor, const char *currency, const char *locale,
    char *out, size_t cap);
static int crd_render_mime(crd_job_t *job, crd_render_t *r, cr_error_t *err);


int
crd_render(crd_job_t *job, const crd_claim_t *c, cr_error_t *err)
{
    int           i, rc;
    crd_render_t  r;

    memset(&r, 0, sizeof(r));

    crd_render_locale(job, c, &r);
    crd_render_links(job, &r);

    r.view = crd_render_view(job, c, &r);
    rc = CR_ERR;

    if (r.view == NULL) {
        snprintf(err->path, sizeof(err->path), "skip:cart");
        snprintf(err->text, sizeof(err->text), "the cart cannot be read");

    } else if (crd_render_texts(job, &r, err) == CR_OK) {
        rc = crd_render_mime(job, &r, err);
    }

    json_decref(r.view);
    for (i = 0; i < 3; i++) {
        free(r.part[i]);
    }

    return rc;
}


/* The journey's locale when the shop speaks it, else the shop's own. */

static void
crd_render_locale(crd_job_t *job, const crd_claim_t *c, crd_render_t *r)
{
    int          i;
    size_t       n;
    const char  *loc;

    loc = crd_reply_field(c->j, "loc");
    if (*loc == '\0') {
        loc = crd_reply_field(c->p, "loc");
    }

    n = strcspn(loc, "-_");

    for (i = 0; i < job->policy->nlocales && n > 0; i++) {
        if (strncmp(job->policy->locales[i], loc, n) == 0
            && strchr("-_", job->policy->locales[i][n]) != NULL)
        {
            snprintf(r->locale, sizeof(r->locale), "%s",
                     job->policy->locales[i]);
            return;
        }
    }

    snprintf(r->locale, sizeof(r->locale), "%s",
             job->policy->locale[0] ? job->policy->locale : "en");
}


static void
crd_render_links(crd_job_t *job, crd_render_t *r)
{
    char             token[CR_TOKEN_LEN + 1];
    cr_id_t          id;
    cr_str_t         site;
    crd_worker_t    *w;

    w = job->w;
    site.p = job->site;
    site.n = strlen(job->site);

    memset(&id, 0, sizeof(id));
    cr_id_parse((cr_str_t) { job->jid, strlen(job->jid) }, &id);
    cr_token_make(&w->cf.ring, CR_TOKEN_RESTORE, site, id.b,
                  (uint32_t) (crd_now(w) / 1000 + CRD_LINK_DAYS * 86400),
                  token);
    snprintf(r->restore, sizeof(r->restore), "%s%sr/%s", job->policy->url,
             w->cf.prefix, token);

    memset(&id, 0, sizeof(id));
    cr_id_parse((cr_str_t) { job->look, strlen(job->look) }, &id);
    cr_token_make(&w->cf.ring, CR_TOKEN_UNSUB, site, id.b, 0, token);
    snprintf(r->unsubscribe, sizeof(r->unsubscribe), "%s%su/%s",
             job->policy->url, w->cf.prefix, token);
}


static json_t *
crd_render_view(crd_job_t *job, const crd_claim_t *c, crd_render_t *r)
{
    int                 rtl;
    json_t             *cart;
    const cr_policy_t  *p;

    p = job->policy;
    cart = crd_render_cart(c, r);
    if (cart == NULL) {
        return NULL;
    }

    rtl = strncmp(r->locale, "ar", 2) == 0 || strncmp(r->locale, "he", 2) == 0
          || strncmp(r->locale, "fa", 2) == 0
          || strncmp(r->locale, "ur", 2) == 0;

    return json_pack("{s:{s:s, s:s, s:s, s:s}, s:o, s:s, s:s, s:i, s:s, s:s}",
                     "shop", "name", p->name, "url", p->url, "address",
                     p->sender.address, "privacy", p->sender.privacy,
                     "cart", cart, "restore_url", r->restore,
                     "unsubscribe_url", r->unsubscribe,
                     "touch", atoi(job->step), "locale", r->locale,
                     "dir", rtl ? "rtl" : "ltr");
}


static json_t *
crd_render_cart(const crd_claim_t *c, const crd_render_t *r)
{
    int          i, shown, more;
    char         total[64];
    json_t      *items;
    cr_cart_t    cart;
    const char  *text;

    text = crd_reply_field(c->j, "cart");
    if (cr_cart_parse(&cart, text, strlen(text)) != CR_OK
        || cart.nlines == 0)
    {
        return NULL;
    }

    items = json_array();
    shown = cart.nlines < CRD_SHOWN ? cart.nlines : CRD_SHOWN;
    more = cart.pieces;

    for (i = 0; i < shown; i++) {
        more -= (int) cart.lines[i].qty;
        json_array_append_new(items, crd_render_line(&cart.lines[i], &cart,
                                                     r->locale));
    }

    /* an amount of another version of the cart is no longer true */

    total[0] = '\0';
    if (cart.total != CR_AMOUNT_UNKNOWN && cart.currency[0] != '\0') {
        crd_money(cart.total, cart.currency, r->locale, total, sizeof(total));
    }

    return json_pack("{s:o, s:s, s:i, s:i}", "items", items, "total", total,
                     "count", (int) cart.pieces, "more",
                     more > 0 && shown < cart.nlines + cart.cut ? more : 0);
}


static json_t *
crd_render_line(const cr_line_t *l, const cr_cart_t *cart, const char *locale)
{
    char         price[64];
    const char  *name;

    price[0] = '\0';
    if (l->price != CR_AMOUNT_UNKNOWN && cart->currency[0] != '\0') {
        crd_money(l->price, cart->currency, locale, price, sizeof(price));
    }

    name = l->name[0] ? l->name : l->ref;

    return json_pack("{s:s, s:i, s:s, s:s}", "name", name, "qty",
                     (int) l->qty, "price", price, "url", "");
}


static int
crd_render_texts(crd_job_t *job, crd_render_t *r, cr_error_t *err)
{
    int          i;
    char        *text;
    cr_error_t   why;

    for (i = 0; i < 3; i++) {
        text = crd_render_template(job, r->locale, crd_parts[i], err);
        if (text == NULL) {
            return CR_ERR;
        }

        memset(&why, 0, sizeof(why));
        r->part[i] = cr_mustache(text, r->view,
                                 i == 2 ? CR_ESCAPE_HTML : CR_ESCAPE_NONE,
                                 NULL, NULL, &why);
        free(text);

        if (r->part[i] == NULL) {
            snprintf(err->text, sizeof(err->text), "template %s, line %d: "
                     "%.160s", crd_parts[i], why.line, why.text);
            return CR_ERR;
        }
    }

    /* a subject is one line */

    r->part[0][strcspn(r->part[0], "\r\n")] = '\0';

    return CR_OK;
}


/* templates/LOCALE/email-PURPOSE.PART.mustache; without the locale its
 * language, then English. */

static char *
crd_render_template(crd_job_t *job, const char *locale, const char *part,
    cr_error_t *err)
{
    int          fd, i;
    char         path[CRD_PATH + 96], lang[8], *text;
    ssize_t      n;
    const char  *purpose, *tried[3];

    snprintf(lang, sizeof(lang), "%.*s", (int) strcspn(locale, "-_"), locale);
    purpose = cr_purpose_word[job->policy->touch[atoi(job->step) - 1].purpose];

    tried[0] = locale;
    tried[1] = lang;
    tried[2] = "en";
    fd = -1;

    for (i = 0; i < 3 && fd == -1; i++) {
        snprintf(path, sizeof(path), "%s/%s/email-%s.%s.mustache",
                 job->w->cf.templates, tried[i], purpose, part);
        fd = open(path, O_RDONLY | O_CLOEXEC);
    }

    if (fd == -1) {
        snprintf(err->text, sizeof(err->text), "no template %.200s: %s", path,
                 strerror(errno));
        return NULL;
    }

    text = malloc(CRD_TEMPLATE + 1);
    n = text ? read(fd, text, CRD_TEMPLATE) : -1;
    close(fd);

    if (n < 0) {
        snprintf(err->text, sizeof(err->text), "cannot read %.200s", path);
        free(text);
        return NULL;
    }

    text[n] = '\0';

    return text;
}


/* An amount as the locale writes it; the plain number with its currency's code
 * where ICU cannot. */

static void
crd_money(int64_t minor, const char *currency, const char *locale, char *out,
    size_t cap)
{
    int             i, exponent;
    UChar           code[8], text[64];
    double          major;
    UErrorCode      err;
    UNumberFormat  *f;

    exponent = cr_money_exponent(currency);
    major = (double) minor;
    for (i = 0; i < exponent; i++) {
        major /= 10;
    }

    err = U_ZERO_ERROR;
    u_uastrncpy(code, currency, 4);
    f = unum_open(UNUM_CURRENCY, NULL, 0, locale, NULL, &err);
    unum_formatDoubleCurrency(f, major, code, text, 64, NULL, &err);
    if (U_SUCCESS(err)) {
        u_strToUTF8(out, (int32_t) cap, NULL, text, -1, &err);
    }
    unum_close(f);

    if (U_FAILURE(err)) {
        i = cr_money_plain(minor, exponent, out, cap);
        if (i > 0 && (size_t) i + 5 < cap) {
            snprintf(out + i, cap - (size_t) i, " %s", currency);
        }
    }
}


static int
crd_render_mime(crd_job_t *job, crd_render_t *r, cr_error_t *err)
{
    char         id[200], feedback[96];
    size_t       n;
    cr_mail_t    m;
    const char  *host;

    memset(&m, 0, sizeof(m));

    host = strstr(job->policy->url, "://");
    host = host ? host + 3 : job->policy->url;
    n = strcspn(host, ":/");
    snprintf(id, sizeof(id), "%s.%s@%.*s", job->jid, job->step, (int) n, host);
    snprintf(feedback, sizeof(feedback), "%s:%s:cart:cartrecover", job->step,
             job->site);

    m.from = job->policy->sender.from;
    m.to = job->to;
    m.reply_to = job->policy->sender.reply_to[0]
                 ? job->policy->sender.reply_to : NULL;
    m.subject = r->part[0];
    m.message_id = id;
    m.unsubscribe = r->unsubscribe;
    m.feedback_id = feedback;
    m.date_s = crd_now(job->w) / 1000;
    m.text = r->part[1];
    m.html = r->part[2];

    job->mime = cr_mime(&m, &job->size);
    if (job->mime == NULL) {
        snprintf(err->text, sizeof(err->text), "the message cannot be built");
        return CR_ERR;
    }

    return CR_OK;
}
