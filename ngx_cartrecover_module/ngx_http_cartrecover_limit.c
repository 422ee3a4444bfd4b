/*
 * The directive cartrecover_limit, and how often one address may ask our own
 * endpoints.  How often one session may stands beside its slot.
 */

#include "ngx_http_cartrecover_module.h"


static ngx_int_t ngx_http_cartrecover_limit_number(ngx_str_t *value,
    const char *name, const char *unit, ngx_uint_t *n);


/* cartrecover_limit beacon=Nr/s burst=N address=Nr/s address_burst=N */

char *
ngx_http_cartrecover_limit(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_cartrecover_loc_conf_t *lcf = conf;

    ngx_str_t   *value;
    ngx_uint_t   i;

    if (lcf->limit_rate != NGX_CONF_UNSET_UINT
        || lcf->address_rate != NGX_CONF_UNSET_UINT)
    {
        return "is duplicate";
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_http_cartrecover_limit_number(&value[i], "beacon=", "r/s",
                                              &lcf->limit_rate)
            == NGX_OK
            || ngx_http_cartrecover_limit_number(&value[i], "burst=", "",
                                                 &lcf->limit_burst)
               == NGX_OK
            || ngx_http_cartrecover_limit_number(&value[i], "address=", "r/s",
                                                 &lcf->address_rate)
               == NGX_OK
            || ngx_http_cartrecover_limit_number(&value[i], "address_burst=",
                                                 "", &lcf->address_burst)
               == NGX_OK)
        {
            continue;
        }

        return "takes beacon=Nr/s burst=N address=Nr/s address_burst=N";
    }

    return NGX_CONF_OK;
}


/* A rate is at least one; both are at most a million, in 1/1000. */

static ngx_int_t
ngx_http_cartrecover_limit_number(ngx_str_t *value, const char *name,
    const char *unit, ngx_uint_t *n)
{
    size_t     front, back;
    ngx_int_t  number;

    front = ngx_strlen(name);
    back = ngx_strlen(unit);

    if (value->len <= front + back
        || ngx_strncmp(value->data, name, front) != 0
        || ngx_strncmp(value->data + value->len - back, unit, back) != 0)
    {
        return NGX_DECLINED;
    }

    number = ngx_atoi(value->data + front, value->len - front - back);

    if (number < (back ? 1 : 0) || number > 1000000) {
        return NGX_DECLINED;
    }

    *n = number * 1000;

    return NGX_OK;
}


/* NGX_BUSY when this address asks too often: IPv4 whole, of IPv6 the /64 */

ngx_int_t
ngx_http_cartrecover_limit_address(ngx_http_request_t *r,
    ngx_http_cartrecover_loc_conf_t *lcf)
{
    int                   over;
    u_char                buf[12];
    uint64_t              key;
    struct sockaddr      *sa;
    struct sockaddr_in   *sin;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6  *sin6;
#endif

    sa = r->connection->sockaddr;
    ngx_memzero(buf, sizeof(buf));

    switch (sa->sa_family) {

    case AF_INET:
        sin = (struct sockaddr_in *) sa;
        ngx_memcpy(buf, &sin->sin_addr, 4);
        break;

#if (NGX_HAVE_INET6)
    case AF_INET6:
        sin6 = (struct sockaddr_in6 *) sa;
        ngx_memcpy(buf, &sin6->sin6_addr, 8);
        break;
#endif

    default: /* a proxy on a unix socket stands for everybody */
        return NGX_OK;
    }

    ngx_memcpy(buf + 8, &lcf->shop->index, sizeof(int));

    key = cr_siphash(lcf->ring->key[0].sip, buf, sizeof(buf));
    key += key == 0;

    (void) ngx_http_cartrecover_lock();
    over = cr_limit(ngx_http_cartrecover_limits(), key,
                    (uint32_t) lcf->address_rate,
                    (uint32_t) lcf->address_burst, (uint32_t) ngx_time());
    ngx_http_cartrecover_unlock();

    if (over) {
        cr_count(ngx_http_cartrecover_table(), CR_N_address_limited, 1);
    }

    return over ? NGX_BUSY : NGX_OK;
}
