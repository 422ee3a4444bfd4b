#include "check.h"

#include "cr_limit.h"


static cr_limit_t  table;


/* How many of n requests in one second pass. */

static int
passed(uint64_t key, int n, uint32_t now_s)
{
    int  i, ok;

    for (i = 0, ok = 0; i < n; i++) {
        ok += !cr_limit(&table, key, 2000, 5000, now_s);
    }

    return ok;
}


int
main(void)
{
    int       bad;
    uint64_t  i;

    EQ_INT(passed(7, 100, 1000), 6);
    EQ_INT(passed(7, 100, 1000), 0);
    EQ_INT(passed(7, 100, 1001), 2);
    EQ_INT(passed(7, 100, 1003), 4);
    EQ_INT(passed(7, 100, 990), 0);
    EQ_INT(passed(7, 100, 1000000000), 6);

    EQ_INT(passed(8, 3, 1000), 3);

    /* a crowd in the same set forgets its mildest, not the loudest */

    EQ_INT(passed(9, 100, 2000), 6);

    for (i = 1, bad = 0; i <= 1000; i++) {
        bad += cr_limit(&table, 9 + i * CR_LIMIT_SETS, 2000, 5000, 2000);
    }

    EQ_INT(bad, 0);
    EQ_INT(passed(9, 100, 2000), 0);

    return check_done();
}
