/*
 * cr_assign.c: SipHash-2-4 and the holdout's draw.
 */

#include "cr_assign.h"

#include <string.h>


#define CR_ROTL(x, n)  (((x) << (n)) | ((x) >> (64 - (n))))


static uint64_t
cr_le64(const uint8_t *p)
{
    return (uint64_t) p[0] | (uint64_t) p[1] << 8 | (uint64_t) p[2] << 16
           | (uint64_t) p[3] << 24 | (uint64_t) p[4] << 32
           | (uint64_t) p[5] << 40 | (uint64_t) p[6] << 48
           | (uint64_t) p[7] << 56;
}


#define CR_SIP_ROUND(v)                                                       \
    v[0] += v[1];                                                             \
    v[1] = CR_ROTL(v[1], 13) ^ v[0];                                          \
    v[0] = CR_ROTL(v[0], 32);                                                 \
    v[2] += v[3];                                                             \
    v[3] = CR_ROTL(v[3], 16) ^ v[2];                                          \
    v[0] += v[3];                                                             \
    v[3] = CR_ROTL(v[3], 21) ^ v[0];                                          \
    v[2] += v[1];                                                             \
    v[1] = CR_ROTL(v[1], 17) ^ v[2];                                          \
    v[2] = CR_ROTL(v[2], 32)


uint64_t
cr_siphash(const uint8_t key[16], const void *data, size_t n)
{
    size_t          i;
    uint8_t         tail[8];
    uint64_t        v[4], k0, k1, m;
    const uint8_t  *p;

    p = data;
    k0 = cr_le64(key);
    k1 = cr_le64(key + 8);

    v[0] = k0 ^ UINT64_C(0x736f6d6570736575);
    v[1] = k1 ^ UINT64_C(0x646f72616e646f6d);
    v[2] = k0 ^ UINT64_C(0x6c7967656e657261);
    v[3] = k1 ^ UINT64_C(0x7465646279746573);

    for (i = 0; i + 8 <= n; i += 8) {
        m = cr_le64(p + i);
        v[3] ^= m;
        CR_SIP_ROUND(v);
        CR_SIP_ROUND(v);
        v[0] ^= m;
    }

    memset(tail, 0, sizeof(tail));

    if (n > i) {
        memcpy(tail, p + i, n - i);
    }

    tail[7] = (uint8_t) n;

    m = cr_le64(tail);
    v[3] ^= m;
    CR_SIP_ROUND(v);
    CR_SIP_ROUND(v);
    v[0] ^= m;

    v[2] ^= 0xff;
    CR_SIP_ROUND(v);
    CR_SIP_ROUND(v);
    CR_SIP_ROUND(v);
    CR_SIP_ROUND(v);

    return v[0] ^ v[1] ^ v[2] ^ v[3];
}


double
cr_assign_draw(const uint8_t key[16], cr_str_t site, const cr_id_t *id,
    uint32_t salt)
{
    int       i;
    uint8_t   buf[8 + CR_ID_LEN + 4];
    uint64_t  h;

    /* the site's name goes in as a hash of its own: any length, no joint */

    h = cr_siphash(key, site.p, site.n);

    for (i = 0; i < 8; i++) {
        buf[i] = (uint8_t) (h >> (8 * i));
    }

    memcpy(buf + 8, id->b, CR_ID_LEN);

    for (i = 0; i < 4; i++) {
        buf[8 + CR_ID_LEN + i] = (uint8_t) (salt >> (8 * i));
    }

    h = cr_siphash(key, buf, sizeof(buf));

    return (double) (h >> 11) * 0x1p-53;
}


cr_arm_e
cr_assign_arm(const uint8_t key[16], cr_str_t site, const cr_id_t *id,
    uint32_t epoch, double pct)
{
    return cr_assign_draw(key, site, id, epoch) < pct / 100
           ? CR_ARM_HOLDOUT : CR_ARM_TREAT;
}
