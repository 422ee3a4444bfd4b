/*
 * The session zone: decisions, counters, the log ring.
 */

#include "check.h"

#include "cr_table_int.h"

#include <stdlib.h>

#define SIZE  CR_ZONE_MIN
#define NOW   1800000000u


static void       *mem;
static cr_zone_t  *z;
static int         shop;


static void
zone_new(void)
{
    free(mem);
    mem = aligned_alloc(64, SIZE);
    (void) cr_zone_init(mem, SIZE, 1800000000000, 3600);
    z = cr_zone_attach(mem, SIZE);
    shop = cr_zone_site(z, cr_lit("shop"), 100);
}


static void
test_decide(void)
{
    cr_id_t   id;
    uint32_t  slot;

    zone_new();
    memset(&id, 3, sizeof(id));
    slot = cr_session_take(z, shop, &id, NOW);

    EQ_INT(cr_session_decide(z, slot, 0, NOW), CR_OK);
    EQ_INT(cr_session_decide(z, slot, 0, NOW), CR_ERR);
    EQ_INT(cr_session_decide(z, slot, 1, NOW), CR_OK);
    EQ_INT(cr_session_get(z, slot)->decision_seq, 2);
    EQ_INT(cr_counter(z, CR_N_decisions_lost), 1);
}


static void
test_count(void)
{
    int       i;
    char      text[CR_LOG_BYTES + 1];
    cr_id_t   id;
    cr_log_t  rec;

    zone_new();
    memset(&id, 3, sizeof(id));

    cr_count_skip(z, CR_SKIP_BOT);
    cr_count_event(z, CR_EV_ADD);
    EQ_INT(cr_counter_skip(z, CR_SKIP_BOT), 1);
    EQ_INT(cr_counter_event(z, CR_EV_ADD), 1);
    EQ_STR(cr_count_word[CR_N_evicted_owed], "evicted_owed");

    cr_count_us(z, 0);
    cr_count_us(z, 1);
    cr_count_us(z, 2);
    cr_count_us(z, 1024);
    cr_count_us(z, 1025);
    cr_count_us(z, UINT32_MAX);
    EQ_INT(cr_counter_us(z, 0), 2);
    EQ_INT(cr_counter_us(z, 1), 1);
    EQ_INT(cr_counter_us(z, 10), 1);
    EQ_INT(cr_counter_us(z, 11), 1);
    EQ_INT(cr_counter_us(z, 15), 1);

    EQ_INT(cr_zone_seq(z), 1);
    EQ_INT(cr_zone_seq(z), 2);

    EQ_INT(cr_log_get(z, &rec), CR_NONE);
    memset(text, 'a', sizeof(text));
    EQ_INT(cr_log_put(z, shop, &id, (cr_str_t) { text, sizeof(text) }), CR_ERR);

    for (i = 0; i < (int) z->plan.nring; i++) {
        text[0] = (char) ('A' + i % 26);

        if (cr_log_put(z, shop, &id, (cr_str_t) { text, CR_LOG_BYTES })) {
            OK_TEXT(0, "the ring holds what it says");
        }
    }

    EQ_INT(cr_log_put(z, shop, &id, cr_lit("x")), CR_FULL);
    EQ_INT(cr_counter(z, CR_N_log_dropped), 2);
    EQ_INT(cr_log_get(z, &rec), CR_OK);
    OK(rec.text[0] == 'A' && rec.len == CR_LOG_BYTES && rec.seq == 1);
    EQ_INT(cr_log_put(z, shop, &id, cr_lit("x")), CR_OK);

    for (i = 1; cr_log_get(z, &rec) == CR_OK; i++) { /* void */ }

    EQ_INT(i, (int) z->plan.nring + 1);
    OK(rec.text[0] == 'x' && rec.len == 1 && rec.site == shop);
}


int
main(void)
{
    test_decide();
    test_count();

    free(mem);

    return check_done();
}
