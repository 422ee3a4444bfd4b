#include "check.h"

#include "cr_assign.h"

#include <math.h>


#define N  20000


static cr_id_t
id_of(uint32_t n)
{
    cr_id_t  id;

    memset(&id, 0, sizeof(id));
    memcpy(id.b + 3, &n, sizeof(n));

    return id;
}


/* Published values for key 00..0f and messages 00 01 02 ... of length n. */

static void
test_siphash(void)
{
    int       i;
    uint8_t   key[16], text[64];

    for (i = 0; i < 64; i++) {
        text[i] = (uint8_t) i;

        if (i < 16) {
            key[i] = (uint8_t) i;
        }
    }

    OK(cr_siphash(key, text, 0) == UINT64_C(0x726fdb47dd0e0e31));
    OK(cr_siphash(key, text, 1) == UINT64_C(0x74f839c593dc67fd));
    OK(cr_siphash(key, text, 7) == UINT64_C(0xab0200f58b01d137));
    OK(cr_siphash(key, text, 8) == UINT64_C(0x93f5f5799a932462));
    OK(cr_siphash(key, text, 15) == UINT64_C(0xa129ca6149be45e5));
    OK(cr_siphash(key, text, 63) == UINT64_C(0x958a324ceb064572));
}


static void
test_draw(void)
{
    int       i, low, moved, agree;
    double    d, e, sum, pct;
    cr_id_t   id;
    uint8_t   key[16] = "0123456789abcdef", other[16] = "0123456789abcdeg";

    sum = 0;
    low = 0;
    moved = 0;
    agree = 0;

    for (i = 0; i < N; i++) {
        id = id_of((uint32_t) i);
        d = cr_assign_draw(key, cr_lit("shop"), &id, 1);
        e = cr_assign_draw(key, cr_lit("shop"), &id, 2);
        sum += d;

        if (d < 0 || d >= 1) {
            OK_TEXT(0, "a draw lies in [0, 1)");
        }

        low += cr_assign_arm(key, cr_lit("shop"), &id, 1, 10)
               == CR_ARM_HOLDOUT;
        moved += cr_assign_arm(key, cr_lit("shop"), &id, 1, 10)
                 == CR_ARM_HOLDOUT
                 && cr_assign_arm(key, cr_lit("shop"), &id, 1, 50)
                 != CR_ARM_HOLDOUT;
        agree += (d < 0.5) == (e < 0.5);
    }

    /* five standard deviations */

    OK(fabs(sum / N - 0.5) < 5 * 0.2887 / sqrt(N));
    OK(fabs(low - N * 0.1) < 5 * sqrt(N * 0.1 * 0.9));
    OK(fabs(agree - N * 0.5) < 5 * sqrt(N * 0.25));
    OK_TEXT(moved == 0, "a larger share takes nobody out of the holdout");

    id = id_of(1);
    d = cr_assign_draw(key, cr_lit("shop"), &id, 1);
    OK(d == cr_assign_draw(key, cr_lit("shop"), &id, 1));
    OK(d != cr_assign_draw(key, cr_lit("shoq"), &id, 1));
    OK(d != cr_assign_draw(other, cr_lit("shop"), &id, 1));
    id.b[15] = 1;
    OK(d != cr_assign_draw(key, cr_lit("shop"), &id, 1));

    for (pct = 0, i = 0; i < 2000; i++) {
        id = id_of((uint32_t) i);
        pct += cr_assign_arm(key, cr_lit("s"), &id, 1, 0) == CR_ARM_TREAT;
        pct += cr_assign_arm(key, cr_lit("s"), &id, 1, 100) == CR_ARM_HOLDOUT;
    }

    EQ_INT(pct, 4000);
}


int
main(void)
{
    test_siphash();
    test_draw();

    return check_done();
}
