#define _GNU_SOURCE

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cr_policy.h"
#include "check.h"

#define MAX   32

static cr_policy_t  p;
static cr_error_t   err[MAX];

#define SHOP  "\"shop\":{\"id\":\"demo\",\"currency\":\"EUR\"}"


/* Quotes in `json` are written ', as these texts have many. */

static int
parse(const char *json)
{
    int    n;
    char  *s, *c;

    s = strdup(json);

    for (c = s; *c; c++) {
        if (*c == '\'') {
            *c = '"';
        }
    }

    memset(err, 0, sizeof(err));
    n = cr_policy_parse(&p, s, strlen(s), err, MAX);
    free(s);

    return n;
}


static const cr_error_t *
find(const char *path)
{
    int  i;

    for (i = 0; i < MAX && err[i].text[0]; i++) {
        if (strcmp(err[i].path, path) == 0) {
            return &err[i];
        }
    }

    return NULL;
}


static void
says(const char *path, int line, const char *part)
{
    char               text[400];
    const cr_error_t  *e;

    e = find(path);
    (void) snprintf(text, sizeof(text), "%s, line %d: %s", path, line, part);

    if (!OK_TEXT(e && e->line == line && strstr(e->text, part), text)) {
        for (line = 0; line < MAX && err[line].text[0]; line++) {
            printf("# %s, line %d: %s\n", err[line].path, err[line].line,
                   err[line].text);
        }
    }
}


static void
defaults(void)
{
    EQ_INT(parse("{" SHOP "}"), 0);
    EQ_STR(p.site, "demo");
    EQ_STR(p.name, "demo");
    EQ_STR(p.currency, "EUR");
    EQ_STR(p.locale, "en");
    EQ_INT(p.nlocales, 1);
    EQ_INT(p.mode, CR_MODE_ON);
    EQ_INT(p.abandon.cart_ms, 45 * 60000);
    EQ_INT(p.abandon.checkout_ms, 30 * 60000);
    EQ_INT(p.abandon.payment_ms, 15 * 60000);
    EQ_INT(p.ntouches, 3);
    EQ_INT(p.touch[0].after_ms, 3600000);
    EQ_INT(p.touch[1].after_ms, 24 * 3600000);
    EQ_INT(p.touch[2].after_ms, 72 * 3600000);
    EQ_INT(p.touch[2].purpose, CR_PURPOSE_OBJECTION);
    EQ_INT(p.touch[2].chan[0], CR_CHAN_EMAIL);
    EQ_INT(p.min_gap_ms, 3 * 3600000);
    EQ_INT(p.max_late_ms, 6 * 3600000);
    EQ_INT(p.per_7d, 4);
    EQ_INT(p.quiet_from_min, 1260);
    EQ_INT(p.quiet_to_min, 480);
    EQ_INT(p.consent_optin, 1);
    EQ_INT(p.gpc_no_marketing, 1);
    EQ_INT(p.holdout_pct * 100, 1000);
    EQ_INT(p.holdout_adaptive, 1);
    EQ_INT(p.threshold * 100 + 0.5f, 70);
    EQ_INT(p.settle_ms, 120000);
    EQ_INT(p.exclude_bots, 1);
    OK(p.free_shipping == CR_AMOUNT_UNKNOWN);
    EQ_INT(p.returns_days, -1);
}


static void
values(void)
{
    EQ_INT(parse("{'shop':{'id':'a-1','name':'N','url':'http://127.0.0.1:8080',"
                 "'currency':'JPY','tz':'Asia/Tokyo','locales':['de','de-AT'],"
                 "'sender':{'from':'N <a@b.example>','reply_to':'r@b.example',"
                 "'address':'Street 1','privacy':'https://b.example/p'}},"
                 "'mode':'observe','platform':'opencart4',"
                 "'costs':{'free_shipping':[{'country':'DE','from':5000},"
                 "{'country':'*','from':5000}]},'trust':{'returns_days':30},"
                 "'abandon':{'cart_after':'8s','min_value':100},"
                 "'sequence':[{'after':'1500ms','channel':'email',"
                 "'purpose':'offer'},{'after':'3s','channel':['email'],"
                 "'purpose':'proof'}],"
                 "'caps':{'min_gap':'0s','max_late':'2d','messages_per_7d':99,"
                 "'quiet':false},'consent':{'mode':'opt-out','gpc':'ignore'},"
                 "'holdout':{'pct':0,'epoch':4294967295},"
                 "'model':{'threshold':0.25},'gate':{'settle':'1s'},"
                 "'exclude':{'paths':['/b2b'],'emails':['@X.example','A@b.c'],"
                 "'bots':false}}"), 0);
    EQ_STR(p.url, "http://127.0.0.1:8080");
    EQ_STR(p.locale, "de");
    EQ_STR(p.locales[1], "de-AT");
    EQ_STR(p.platform, "opencart4");
    EQ_STR(p.sender.from, "N <a@b.example>");
    EQ_STR(p.sender.privacy, "https://b.example/p");
    EQ_INT(p.mode, CR_MODE_OBSERVE);
    EQ_INT(p.free_shipping, 5000);
    EQ_INT(p.returns_days, 30);
    EQ_INT(p.abandon.cart_ms, 8000);
    EQ_INT(p.ntouches, 2);
    EQ_INT(p.touch[0].after_ms, 1500);
    EQ_INT(p.touch[0].purpose, CR_PURPOSE_OFFER);
    EQ_INT(p.quiet_from_min, -1);
    EQ_INT(p.consent_optin, 0);
    EQ_INT(p.gpc_no_marketing, 0);
    EQ_INT(p.holdout_adaptive, 0);
    OK(p.holdout_epoch == UINT32_MAX);
    EQ_INT(p.threshold * 100, 25);
    EQ_STR(p.exclude_path[0], "/b2b");
    EQ_STR(p.exclude_email[0], "@x.example");
    EQ_STR(p.exclude_email[1], "a@b.c");
    EQ_INT(p.exclude_bots, 0);
    EQ_INT(cr_policy_check_sending(&p, err, MAX), 0);

    EQ_INT(parse("{" SHOP ",'costs':{'free_shipping':["
                 "{'country':'DE','from':1},"
                 "{'country':'*','from':2}]},'sequence':[]}"), 0);
    OK(p.free_shipping == CR_AMOUNT_UNKNOWN);
    EQ_INT(p.ntouches, 0);
    EQ_INT(cr_policy_check_sending(&p, err, MAX), 6);
    EQ_STR(err[0].path, "$.shop.url");
    EQ_INT(cr_policy_check_sending(&p, err, 0), 6);
}


static void
shape(void)
{
    EQ_INT(parse("{\n " SHOP ",\n 'sequnce': []\n}"), 1);
    says("$.sequnce", 3, "did you mean \"sequence\"?");

    EQ_INT(parse("{\n " SHOP ",\n 'min_gap': '3h'\n}"), 1);
    says("$.min_gap", 3, "belongs into $.caps");

    EQ_INT(parse("{\n " SHOP ",\n 'xyzzyxyzzy': 1\n}"), 1);
    says("$.xyzzyxyzzy", 3, "remove it");

    EQ_INT(parse("{}"), 1);
    says("$.shop", 1, "is missing");
    EQ_INT(parse("{'shop':{\n}}"), 2);
    says("$.shop.id", 1, "is missing");
    says("$.shop.currency", 1, "\"EUR\"");
    EQ_INT(parse("[]"), 1);
    says("$", 1, "must be an object");

    EQ_INT(parse("{'version':2,\n" SHOP "}"), 1);
    says("$.version", 1, "this version reads 1");

    EQ_INT(parse("{'shop':{\n'id':'Demo','name':'',\n'url':'shop.example',\n"
                 "'currency':'eur',\n'tz':'Berlin',\n'locales':['german'],\n"
                 "'default':5,\n'sender':{'from':'me',\n'privacy':'x',\n"
                 "'address':'a\\nb'}}}"), 10);
    says("$.shop.id", 2, "a-z");
    says("$.shop.name", 2, "empty");
    says("$.shop.url", 3, "https://shop.example");
    says("$.shop.currency", 4, "ISO 4217");
    says("$.shop.tz", 5, "Europe/Berlin");
    says("$.shop.locales[0]", 6, "no locale");
    says("$.shop.default", 7, "must be a string");
    says("$.shop.sender.from", 8, "no address");
    says("$.shop.sender.privacy", 9, "no URL");
    says("$.shop.sender.address", 10, "control character");

    EQ_INT(parse("{'shop':{'id':'a','currency':'EUR',\n"
                 "'url':'http://shop.example'}}"), 1);
    says("$.shop.url", 2, "plain http");
    EQ_INT(parse("{'shop':{'id':'a','currency':'EUR',\n"
                 "'url':'https://shop.example/'}}"), 1);
    says("$.shop.url", 2, "no slash");
    EQ_INT(parse("{'shop':{'id':'a','currency':'EUR',\n"
                 "'locales':['de'],\n'default':'fr'}}"), 1);
    says("$.shop.default", 3, "none of shop.locales");

    EQ_INT(parse("{" SHOP ",\n'mode':'onn',\n'platform':7,\n"
                 "'costs':{'free_shipping':49.9,\n'standard':-1,\n"
                 "'delivery_days':[1,'x']},\n'trust':{'returns_days':'30'},\n"
                 "'holdout':{'pct':60},\n'model':{'threshold':1.5},\n"
                 "'gate':{'settle':5},\n'consent':{'mode':true},\n"
                 "'zones':{'ship':1},\n'messages':{'M1':{'off':true}},\n"
                 "'exclude':{'paths':['b2b'],\n'emails':['x']},\n"
                 "'abandon':{'cart_after':'soon'},\n"
                 "'offers':{'codes':{'mode':'x'}}}"), 16);
    says("$.mode", 2, "\"off\", \"observe\", \"on\"");
    says("$.platform", 3, "must be a string");
    says("$.costs.free_shipping", 4, "4990 for 49.90");
    says("$.costs.standard", 5, "negative");
    says("$.costs.delivery_days[1]", 6, "whole number");
    says("$.trust.returns_days", 7, "whole number");
    says("$.holdout.pct", 8, "from 0 to 50");
    says("$.model.threshold", 9, "from 0 to 1");
    says("$.gate.settle", 10, "duration");
    says("$.consent.mode", 11, "opt-in");
    says("$.zones.ship", 12, "string");
    says("$.messages.M1.off", 13, "\"on\"");
    says("$.exclude.paths[0]", 14, "slash");
    says("$.exclude.emails[0]", 15, "@company.example");
    says("$.abandon.cart_after", 16, "no duration");
    says("$.offers.codes.mode", 17, "\"pool\"");
}


static void
contradictions(void)
{
    EQ_INT(parse("{" SHOP ",'sequence':[\n"
                 "{'after':'5h','channel':['sms'],'purpose':'remind'},\n"
                 "{'after':'4h','channel':['email','email'],'purpose':'x'},\n"
                 "{'after':'5h','channel':'fax','prupose':'offer'}]}"), 8);
    says("$.sequence[0].channel[0]", 2,
         "channel sms is not available in this version");
    says("$.sequence[1].after", 3, "not later");
    says("$.sequence[1].channel[1]", 3, "twice");
    says("$.sequence[1].purpose", 3, "objection");
    says("$.sequence[2].channel", 4, "no channel");
    says("$.sequence[2].prupose", 4, "did you mean \"purpose\"?");
    says("$.sequence[2]", 4, "\"purpose\" is missing");
    says("$.sequence[2].after", 4, "caps.min_gap is 3 h");

    EQ_INT(parse("{" SHOP ",\n'caps':{'quiet':['08:00','08:00']}}"), 1);
    says("$.caps.quiet", 2, "same minute");
    EQ_INT(parse("{" SHOP ",\n'caps':{'quiet':['8:00','24:00']}}"), 1);
    says("$.caps.quiet", 2, "two times");
    EQ_INT(parse("{" SHOP ",\n'caps':{'min_gap':'30h'}}"), 1);
    says("$.caps.min_gap", 2, "caps.min_gap is 30 h");
    EQ_INT(parse("{" SHOP ",\n'caps':{'messages_per_7d':2}}"), 1);
    says("$.caps.messages_per_7d", 2, "3 within 7 days");

    EQ_INT(parse("{" SHOP ",'margin':{'default_pct':38,'floor_pct':20},\n"
                 "'offers':{'max_pct':20,\n'ladder':['pct:5','pct:25',"
                 "'gift']}}"), 3);
    says("$.offers.max_pct", 2, "margin.floor_pct");
    says("$.offers.ladder[1]", 3, "above offers.max_pct");
    says("$.offers.ladder[2]", 3, "no step");
}


static void
limits(void)
{
    int    i, n;
    char  *big;

    EQ_INT(parse("{" SHOP ",\n}"), CR_ERR);
    EQ_INT(err[0].line, 2);
    OK(strstr(err[0].text, "no JSON") != NULL);
    EQ_INT(parse("{" SHOP "," SHOP "}"), CR_ERR);
    OK(strstr(err[0].text, "uplicate") != NULL);
    EQ_INT(cr_policy_parse(&p, "{", 1, NULL, 0), CR_ERR);
    EQ_INT(cr_policy_parse(&p, "{\"a\":1,\"b\":2}", 13, NULL, 0), 3);

    big = malloc(CR_POLICY_BYTES + 1);
    memset(big, ' ', CR_POLICY_BYTES + 1);
    EQ_INT(cr_policy_parse(&p, big, CR_POLICY_BYTES + 1, err, MAX), CR_ERR);
    OK(strstr(err[0].text, "65536") != NULL);

    n = sprintf(big, "{");

    for (i = 0; i < 3000; i++) {
        n += sprintf(big + n, "\n\"%s%d\":1,", (i & 1) ? "k.[" : "", i);
    }

    n += sprintf(big + n, "\n\"z\":1}");
    EQ_INT(cr_policy_parse(&p, big, (size_t) n, err, MAX), 3002);
    EQ_INT(err[0].line, 2);
    EQ_INT(err[3].line, 5);
    free(big);

    EQ_INT(parse("{" SHOP ",'exclude':{'paths':['/1','/2','/3','/4','/5','/6',"
                 "'/7','/8','/9','/a','/b','/c','/d','/e','/f','/g','/h']}}"),
           1);
    EQ_INT(p.nexclude_paths, CR_POLICY_EXCLUDES);
}


static void
durations(void)
{
    int      i;
    int64_t  ms;

    static const struct {
        const char  *text;
        int64_t      ms;         /* -1: refused */
    } cases[] = {
        { "45m", 45 * 60000 }, { "4h", 4 * 3600000 }, { "1500ms", 1500 },
        { "2d", 2 * 86400000 }, { "20s", 20000 }, { "0s", 0 }, { "", -1 },
        { "m", -1 }, { "5", -1 }, { "5 m", -1 }, { "-5m", -1 }, { "5M", -1 },
        { "1.5h", -1 }, { "5min", -1 }, { "9999999999999s", -1 },
        { "999999999999d", -1 }
    };

    for (i = 0; i < (int) (sizeof(cases) / sizeof(cases[0])); i++) {
        ms = -1;
        (void) cr_duration_parse((cr_str_t) { cases[i].text,
                                 strlen(cases[i].text) }, &ms);
        OK_TEXT(ms == cases[i].ms, cases[i].text);
    }
}


/* The example in conf/ is a policy, sending included. */

static void
example(const char *path)
{
    int      i, n;
    char     buf[CR_POLICY_BYTES];
    FILE    *f;
    size_t   len;

    f = fopen(path, "r");

    if (!OK_TEXT(f != NULL, path)) {
        return;
    }

    len = fread(buf, 1, sizeof(buf), f);
    (void) fclose(f);
    memset(err, 0, sizeof(err));
    n = cr_policy_parse(&p, buf, len, err, MAX);
    EQ_INT(n, 0);

    for (i = 0; i < n && i < MAX; i++) {
        printf("# %s: %s\n", err[i].path, err[i].text);
    }

    EQ_INT(cr_policy_check_sending(&p, err, MAX), 0);
    EQ_INT(p.mode, CR_MODE_OBSERVE);
}


int
main(int argc, char **argv)
{
    defaults();
    values();
    shape();
    contradictions();
    limits();
    durations();
    example(argc > 1 ? argv[1] : "conf/policy.example.json");

    return check_done();
}
