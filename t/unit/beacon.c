#include "check.h"

#include <math.h>
#include <stdlib.h>

#include "../../lib/cr_beacon.h"


#define F16  "p.0.0.2r.0.0.1y.0.0.0.0.0.0.0.0.6"
#define E15  "..............."

typedef struct {
    const char  *body;
    int          at;             /* offset of the first bad byte, -1 = good */
} row_t;

static const row_t  rows[] = {
    { "1~-~0~0~" E15 "~.0~", -1 },
    { "1~-~0~0~" F16 "~2s.0~", -1 },
    { "1~0123456789~1~a~" E15 "~.0~S0", -1 },
    { "1~aZ.9_-aZ.9_-aZ.9_-aZ.9_-aZ.9_-aZ.9_-aZ.9~1~a~" E15 "~.0~", -1 },
    { "1~-123456789~0~0~" E15 "~.0~", -1 },
    { "1~-~0~0~" E15 "~.0~S0Z5_0.1aF2_eG1_9Q0", -1 },
    { "1~-~0~0~" E15 "................~.0~", -1 },
    { "1~-~zzzzzzzz~zzzzzzzz~" E15 "~zzzzzzzz.zzzzzzzz~Szzzzzzzz_zzzzzzzz.",
      -1 },

    { "", 0 },
    { "0", 0 },
    { "3~", 0 },
    { "1", 1 },
    { "1-", 1 },
    { "1~", 2 },
    { "1~~0~0~" E15 "~.0~", 2 },
    { "1~-", 3 },
    { "1~--~0~0~" E15 "~.0~", 4 },
    { "1~012345678~0~0~" E15 "~.0~", 11 },
    { "1~0123456789012345678901234567890123456789x~0~0~" E15 "~.0~", 42 },
    { "1~012345678$~0~0~" E15 "~.0~", 11 },
    { "1~-~~0~" E15 "~.0~", 4 },
    { "1~-~A~0~" E15 "~.0~", 4 },
    { "1~-~-1~0~" E15 "~.0~", 4 },
    { "1~-~000000000~0~" E15 "~.0~", 12 },
    { "1~-~0~~" E15 "~.0~", 6 },
    { "1~-~0~NaN~" E15 "~.0~", 6 },
    { "1~-~0~0~..............~.0~", 22 },
    { "1~-~0~0~" E15 ".................~.0~", 39 },
    { "1~-~0~0~NaN" E15 "~.0~", 8 },
    { "1~-~0~0~Infinity" E15 "~.0~", 8 },
    { "1~-~0~0~-1" E15 "~.0~", 8 },
    { "1~-~0~0~000000000" E15 "~.0~", 16 },
    { "1~-~0~0~" E15 "~0~", 25 },
    { "1~-~0~0~" E15 "~.~", 25 },
    { "1~-~0~0~" E15 "~.0", 26 },
    { "1~-~0~0~" E15 "~.0~s0", 27 },
    { "1~-~0~0~" E15 "~.0~S", 28 },
    { "1~-~0~0~" E15 "~.0~S_1", 28 },
    { "1~-~0~0~" E15 "~.0~S0_", 30 },
    { "1~-~0~0~" E15 "~.0~S0_$", 30 },
    { "1~-~0~0~" E15 "~.0~S0_1$", 31 },
    { "1~-~0~0~" E15 "~.0~S0_0123456789.123456789.123", -1 },
    { "1~-~0~0~" E15 "~.0~S0_0123456789.123456789.1234", 54 },
    { "1~-~0~0~" E15 "~.0~S0\n", 29 },

    { "2~0~0~add~EUR~xc~~sku-1!1!xc!Blue%20shirt", -1 },
    { "2~0~0~view_cart~~~", -1 },
    { "2~0~0~view_cart~~~~a!!!", -1 },
    { "2~3~1a~order~EUR~xc~10001", -1 },
    { "2~0~0~search~~~", -1 },
    { "2~0~0~add~EUR~xc~~%C3%A4!1!!%e2%82%ac", -1 },
    { "2~0~0~coupon~~~", 6 },
    { "2~0~0~none~~~", 6 },
    { "2~0~0~~~~", 6 },
    { "2~0~0~addx~~~", 6 },
    { "2~0~0~add", 9 },
    { "2~0~0~add~eur~~", 10 },
    { "2~0~0~add~EU~~", 12 },
    { "2~0~0~add~EURO~~", 13 },
    { "2~0~0~add~EUR~-1~", 14 },
    { "2~0~0~add~EUR~1.5~", 15 },
    { "2~0~0~add~EUR~1", 15 },
    { "2~0~0~add~EUR~1~a b", 17 },
    { "2~0~0~add~EUR~1~a<", 17 },
    { "2~0~0~add~EUR~1~%", 16 },
    { "2~0~0~add~EUR~1~%4", 16 },
    { "2~0~0~add~EUR~1~%4g", 16 },
    { "2~0~0~add~EUR~1~%00", 16 },
    { "2~0~0~add~EUR~1~%0a", 16 },
    { "2~0~0~add~EUR~1~%7F", 16 },
    { "2~0~0~add~EUR~1~\xc3\xa4", 16 },
    { "2~0~0~add~EUR~1~x!y", 17 },
    { "2~0~0~add~EUR~1~~", 17 },
    { "2~0~0~add~EUR~1~~a", 18 },
    { "2~0~0~add~EUR~1~~a!1", 20 },
    { "2~0~0~add~EUR~1~~a!1!2", 22 },
    { "2~0~0~add~EUR~1~~a!x1!X!", 22 },
    { "2~0~0~add~EUR~1~~a!1!2!b!c", 24 },
    { "2~0~0~add~EUR~1~~a!1!2!b~", 25 },
    { NULL, 0 }
};


static uint32_t  seed = 20261121;


static uint32_t
rnd(uint32_t n)
{
    seed = seed * 1664525 + 1013904223;

    return (uint32_t) (((uint64_t) seed * n) >> 32);
}


/* On the heap in its exact size: a sanitizer sees a byte too far. */

static int
parse(cr_beacon_t *b, const char *body, size_t n, size_t *at)
{
    int    rc;
    char  *p;

    p = malloc(n + (n == 0));
    memcpy(p, body, n);
    rc = cr_beacon_parse(b, p, n, at);
    free(p);

    return rc;
}


static void
test_rows(void)
{
    int           rc, cut;
    char          label[32];
    size_t        at, n, i;
    cr_beacon_t   b;
    const row_t  *row;

    for (row = rows; row->body != NULL; row++) {
        n = strlen(row->body);
        snprintf(label, sizeof(label), "row %d", (int) (row - rows));

        at = 0;
        rc = parse(&b, row->body, n, &at);
        OK_TEXT(rc == (row->at < 0 ? CR_OK : CR_ERR), label);

        if (row->at >= 0) {
            EQ_INT(at, row->at);
        }

        /* each prefix ends at a byte that is missing or is a body itself */

        cut = 0;

        for (i = 0; i < n; i++) {
            rc = parse(&b, row->body, i, &at);
            cut += (at > i || (rc != CR_OK && rc != CR_ERR));
        }

        EQ_INT(cut, 0);
    }
}


static char *
b36(uint64_t v)
{
    static int   turn;
    static char  buf[4][16];
    char        *p;

    p = buf[turn = (turn + 1) % 4] + 15;
    *p = '\0';

    do {
        *--p = "0123456789abcdefghijklmnopqrstuvwxyz"[v % 36];
        v /= 36;
    } while (v > 0);

    return p;
}


/* Writes a random body and what must be read back from it. */

static int
generate(char *body, cr_beacon_t *want)
{
    int                 i, j, n;
    uint32_t            v, d, at;
    cr_beacon_event_t  *e;

    static const float  cap[16] = {
        9, 4, 4, 1, 8, 5, 6, 5, 3, 5, 5, 1, 6, 6, 6, 5
    };

    memset(want, 0, sizeof(cr_beacon_t));

    want->seq = rnd(CR_BEACON_SEQ_MAX);
    want->age_ms = rnd(CR_BEACON_AGE_MAX);
    n = sprintf(body, "1~%s~%s~%s~", rnd(2) ? "-" : "page.token_0-1",
                b36(want->seq), b36(want->age_ms));

    want->nfeats = (uint8_t) (16 + rnd(17));

    for (i = 0; i < want->nfeats; i++) {
        if (i > 0) {
            body[n++] = '.';
        }

        want->feat[i] = NAN;

        if (rnd(4) > 0) {
            v = rnd(2000);
            n += sprintf(body + n, "%s", b36(v));
            want->feat[i] = (float) (v / 100.0);

            if (i < 16 && want->feat[i] > cap[i]) {
                want->feat[i] = cap[i];
            }
        }
    }

    v = rnd(101);
    want->depth = (float) (v / 100.0);
    want->fields = (uint8_t) rnd(20);
    n += sprintf(body + n, "~%s.%s~", b36(v), b36(want->fields));

    want->nevents = (uint8_t) rnd(CR_BEACON_EVENTS + 1);
    at = 0;

    for (i = 0; i < want->nevents; i++) {
        e = &want->event[i];
        d = rnd(1000);
        at += 10 * d;
        e->at = at;
        e->code = (char) ('A' + rnd(26));
        e->narg = (uint8_t) rnd(4);
        n += sprintf(body + n, "%c%s", e->code, b36(d));

        for (j = 0; j < e->narg; j++) {
            body[n++] = (j == 0) ? '_' : '.';
            e->arg[j] = -1;

            if (rnd(8) > 0 || e->narg == 1) {
                e->arg[j] = rnd(100);
                n += sprintf(body + n, "%s", b36((uint64_t) e->arg[j]));
            }
        }
    }

    return n;
}


static int
same(float a, float b)
{
    return (isnan(a) && isnan(b)) || fabsf(a - b) < 1e-4f;
}


static int
equal(const cr_beacon_t *a, const cr_beacon_t *b)
{
    int  i, j;

    if (a->seq != b->seq || a->age_ms != b->age_ms || a->nfeats != b->nfeats
        || a->nevents != b->nevents || a->fields != b->fields
        || !same(a->depth, b->depth))
    {
        return 0;
    }

    for (i = 0; i < a->nfeats; i++) {
        if (!same(a->feat[i], b->feat[i])) {
            return 0;
        }
    }

    for (i = 0; i < a->nevents; i++) {
        if (a->event[i].at != b->event[i].at
            || a->event[i].code != b->event[i].code
            || a->event[i].narg != b->event[i].narg)
        {
            return 0;
        }

        for (j = 0; j < a->event[i].narg; j++) {
            if (a->event[i].arg[j] != b->event[i].arg[j]) {
                return 0;
            }
        }
    }

    return 1;
}


static void
test_round_trip(void)
{
    int          i, n, rc, bad, full, accepted;
    char         body[4096];
    size_t       at, where;
    cr_beacon_t  want, got;

    bad = 0;
    full = 0;
    accepted = 0;

    for (i = 0; i < 20000; i++) {
        n = generate(body, &want);
        rc = parse(&got, body, (size_t) n, &at);

        if (n > CR_BEACON_V1_MAX) {
            full++;
            bad += (rc != CR_FULL);
            continue;
        }

        bad += (rc != CR_OK || !equal(&want, &got));

        /* a byte of no alphabet is refused exactly where it stands */

        at = rnd((uint32_t) n);
        body[at] = '$';
        accepted += (parse(&got, body, (size_t) n, &where) != CR_ERR
                     || where > at);
    }

    EQ_INT(bad, 0);
    EQ_INT(accepted, 0);
    OK(full < 10000);
}


static void
test_values(void)
{
    int          i;
    char         body[CR_BEACON_MAX + 1];
    size_t       at;
    cr_beacon_t  b;

    i = sprintf(body, "1~-~zzzzzzzz~zzzzzzzz~zzzz.zzzz.zzzz.zzzz.zzzz.zzzz."
                "zzzz.zzzz.zzzz.zzzz.zzzz.zzzz.zzzz.zzzz.zzzz.zzzz.zzzzzzzz~"
                "zz.zz~");
    EQ_INT(parse(&b, body, (size_t) i, &at), CR_OK);
    EQ_INT(b.seq, CR_BEACON_SEQ_MAX);
    EQ_INT(b.age_ms, CR_BEACON_AGE_MAX);
    EQ_INT(b.fields, 255);
    OK(same(b.depth, 1));
    OK(same(b.feat[0], 9) && same(b.feat[3], 1) && same(b.feat[15], 5));
    OK(same(b.feat[16], CR_BEACON_FEAT_MAX));
    OK(isnan(b.feat[17]) && isnan(b.feat[31]));
    EQ_INT(b.nfeats, 17);

    parse(&b, "1~-~0~0~" E15 "~.0~", 27, &at);
    EQ_INT(b.nfeats, 16);
    OK(isnan(b.feat[0]) && isnan(b.feat[15]) && isnan(b.depth));

    i = sprintf(body, "1~-~0~0~" E15 "~.0~S5Z1_2.1a.Pz_.x..9F0_e"
                "R0_012345678.5Q0_1.2.3.4");
    EQ_INT(parse(&b, body, (size_t) i, &at), CR_OK);
    EQ_INT(b.nevents, 6);
    EQ_INT(b.event[0].at, 50);
    EQ_INT(b.event[0].narg, 0);
    EQ_INT(b.event[1].at, 60);
    EQ_INT(b.event[1].narg, 3);
    EQ_INT(b.event[1].arg[0], 2);
    EQ_INT(b.event[1].arg[1], 46);
    EQ_INT(b.event[1].arg[2], -1);
    EQ_INT(b.event[2].at, 410);
    EQ_INT(b.event[2].narg, 3);
    EQ_INT(b.event[2].arg[0], -1);
    EQ_INT(b.event[2].arg[1], 33);
    EQ_INT(b.event[2].arg[2], -1);
    EQ_INT(b.event[3].arg[0], 14);
    EQ_INT(b.event[4].arg[0], -1);
    EQ_INT(b.event[4].arg[1], 5);
    EQ_INT(b.event[5].narg, 3);

    i = sprintf(body, "1~-~0~0~" E15 "~.0~");

    while (i < 27 + 2 * CR_BEACON_EVENTS) {
        i += sprintf(body + i, "S0");
    }

    EQ_INT(parse(&b, body, (size_t) i, &at), CR_OK);
    EQ_INT(b.nevents, CR_BEACON_EVENTS);
    i += sprintf(body + i, "S0");
    EQ_INT(parse(&b, body, (size_t) i, &at), CR_ERR);
    EQ_INT(at, 27 + 2 * CR_BEACON_EVENTS);

    memset(body, '0', sizeof(body));
    memcpy(body, "1~", 2);
    EQ_INT(parse(&b, body, CR_BEACON_V1_MAX + 1, &at), CR_FULL);
    memcpy(body, "2~", 2);
    EQ_INT(parse(&b, body, CR_BEACON_V1_MAX + 1, &at), CR_ERR);
    EQ_INT(parse(&b, body, CR_BEACON_V2_MAX + 1, &at), CR_FULL);
}


static void
test_items(void)
{
    int          i, n;
    char         body[2048];
    size_t       at;
    cr_beacon_t  b;

    n = sprintf(body, "2~7~z~add~EUR~15j~~sku%%2F1!2!15j!Blue%%20sh%%C3%%AFrt"
                "~b.2!!!");
    EQ_INT(parse(&b, body, (size_t) n, &at), CR_OK);
    EQ_INT(b.version, 2);
    EQ_INT(b.seq, 7);
    EQ_INT(b.age_ms, 35);
    EQ_INT(b.page_event, CR_EV_ADD);
    EQ_STR(b.cart.currency, "EUR");
    EQ_INT(b.cart.subtotal, 1495);
    EQ_INT(b.cart.total, CR_AMOUNT_UNKNOWN);
    EQ_INT(b.cart.nlines, 2);
    EQ_INT(b.cart.pieces, 3);
    EQ_STR(b.cart.lines[0].ref, "sku/1");
    EQ_STR(b.cart.lines[0].name, "Blue sh\xc3\xafrt");
    EQ_INT(b.cart.lines[0].qty, 2);
    EQ_INT(b.cart.lines[0].price, 1495);
    EQ_STR(b.cart.lines[1].ref, "b.2");
    EQ_INT(b.cart.lines[1].qty, 1);
    EQ_INT(b.cart.lines[1].price, CR_AMOUNT_UNKNOWN);
    EQ_STR(b.order_id, "");

    /* an order's amount is nothing that a page may say */

    n = sprintf(body, "2~0~0~order~EUR~zzzz~10%%2F001~a!1!1!b");
    EQ_INT(parse(&b, body, (size_t) n, &at), CR_OK);
    EQ_INT(b.page_event, CR_EV_ORDER);
    EQ_STR(b.order_id, "10/001");
    EQ_INT(b.cart.total, CR_AMOUNT_UNKNOWN);
    EQ_INT(b.cart.subtotal, CR_AMOUNT_UNKNOWN);

    n = sprintf(body, "2~0~0~order~~~0123456789012345678901234567890123456");
    EQ_INT(parse(&b, body, (size_t) n, &at), CR_OK);
    EQ_STR(b.order_id, "0123456789012345678901234567890");

    n = sprintf(body, "2~0~0~view_cart~USD~zzzzzzzz~~a!zzzzzzzz!zzzzzzzz!n");
    EQ_INT(parse(&b, body, (size_t) n, &at), CR_OK);
    EQ_INT(b.cart.subtotal, CR_BEACON_AMOUNT_MAX);
    EQ_INT(b.cart.lines[0].price, CR_BEACON_AMOUNT_MAX);
    EQ_INT(b.cart.lines[0].qty, 9999);

    n = sprintf(body, "2~0~0~view_cart~USD~~");

    for (i = 0; i < CR_CART_LINES + 5; i++) {
        n += sprintf(body + n, "~r%d!1!!", i);
    }

    EQ_INT(parse(&b, body, (size_t) n, &at), CR_OK);
    EQ_INT(b.cart.nlines, CR_CART_LINES);
    EQ_INT(b.cart.cut, 1);
    EQ_INT(b.cart.pieces, CR_CART_LINES + 5);

    n = sprintf(body, "2~0~0~view_cart~USD~~~%032d!2!!~!1!!x~ok!1!!", 0);
    EQ_INT(parse(&b, body, (size_t) n, &at), CR_OK);
    EQ_INT(b.cart.nlines, 1);
    EQ_STR(b.cart.lines[0].ref, "ok");
    EQ_INT(b.cart.cut, 1);
    EQ_INT(b.cart.pieces, 4);
}


int
main(void)
{
    test_rows();
    test_values();
    test_items();
    test_round_trip();

    return check_done();
}
