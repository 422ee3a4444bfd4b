/*
 * The files that directives name: secrets, policies, profiles.  Read at
 * configuration time; what is kept lies in cf->pool or has a cleanup there.
 */

#include "ngx_http_cartrecover_module.h"


typedef struct {
    ngx_str_t      name;
    ngx_array_t   *match;
    cr_profile_t  *profile;
} ngx_http_cartrecover_profile_t;


static ngx_http_cartrecover_shop_t *ngx_http_cartrecover_shop_read(
    ngx_conf_t *cf, ngx_str_t *path);
static ngx_int_t ngx_http_cartrecover_profile_json(ngx_conf_t *cf,
    ngx_str_t *name, cr_str_t *json);
static void ngx_http_cartrecover_profile_cleanup(void *data);


ngx_int_t
ngx_http_cartrecover_read_file(ngx_conf_t *cf, ngx_str_t *path, size_t max,
    ngx_uint_t secret, ngx_str_t *content)
{
    ssize_t          n;
    ngx_fd_t         fd;
    ngx_file_info_t  fi;

    if (ngx_conf_full_name(cf->cycle, path, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    fd = ngx_open_file(path->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);
    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_open_file_n " \"%V\" failed", path);
        return NGX_ERROR;
    }

    if (ngx_fd_info(fd, &fi) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_fd_info_n " \"%V\" failed", path);
        goto failed;
    }

    if (secret && (fi.st_mode & 077)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "secret file \"%V\" has mode 0%ud%ud%ud: others "
                           "may read it, say \"chmod 0600 %V\"", path,
                           (unsigned) (fi.st_mode >> 6) & 7,
                           (unsigned) (fi.st_mode >> 3) & 7,
                           (unsigned) fi.st_mode & 7, path);
        goto failed;
    }

    if ((size_t) ngx_file_size(&fi) > max) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is longer than %uz bytes", path, max);
        goto failed;
    }

    content->len = (size_t) ngx_file_size(&fi);
    content->data = ngx_pnalloc(cf->pool, content->len + 1);
    if (content->data == NULL) {
        goto failed;
    }

    n = ngx_read_fd(fd, content->data, content->len);

    if (n == -1 || (size_t) n != content->len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_read_fd_n " \"%V\" failed", path);
        goto failed;
    }

    content->data[content->len] = '\0';

    (void) ngx_close_file(fd);

    return NGX_OK;

failed:

    (void) ngx_close_file(fd);

    return NGX_ERROR;
}


char *
ngx_http_cartrecover_secret(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_cartrecover_loc_conf_t *lcf = conf;

    ngx_int_t    rc;
    ngx_str_t   *value, path, content;
    ngx_uint_t   i;

    if (lcf->ring) {
        return "is duplicate";
    }

    lcf->ring = ngx_pcalloc(cf->pool, sizeof(cr_keyring_t));
    if (lcf->ring == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {
        path = value[i];

        if (i == 2) {
            if (ngx_strncmp(path.data, "previous=", 9) != 0) {
                return "takes \"previous=PATH\" as its second parameter";
            }

            path.data += 9;
            path.len -= 9;
        }

        if (ngx_http_cartrecover_read_file(cf, &path, CR_SECRET_MAX, 1,
                                           &content)
            != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }

        rc = cr_keyring_add(lcf->ring, (char *) content.data, content.len);

        ngx_explicit_memzero(content.data, content.len);

        if (rc != CR_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "secret file \"%V\" has less than %d "
                               "characters: make one with \"openssl rand "
                               "-hex 32\"", &path, CR_SECRET_MIN);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


char *
ngx_http_cartrecover_shop(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_cartrecover_loc_conf_t *lcf = conf;

    uint32_t                           hash;
    ngx_str_t                         *value, path;
    ngx_str_node_t                    *node;
    ngx_http_cartrecover_shop_t       *shop, *other, **shops;
    ngx_http_cartrecover_main_conf_t  *mcf;

    if (lcf->shop) {
        return "is duplicate";
    }

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_cartrecover_module);
    value = cf->args->elts;

    path = value[1];

    if (ngx_conf_full_name(cf->cycle, &path, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    hash = ngx_crc32_long(path.data, path.len);
    node = ngx_str_rbtree_lookup(&mcf->paths, &path, hash);

    if (node) {
        lcf->shop = ngx_rbtree_data(&node->node, ngx_http_cartrecover_shop_t,
                                    by_path.node);
        return NGX_CONF_OK;
    }

    shop = ngx_http_cartrecover_shop_read(cf, &path);
    if (shop == NULL) {
        return NGX_CONF_ERROR;
    }

    shop->by_path.str = path;
    shop->by_path.node.key = hash;
    ngx_rbtree_insert(&mcf->paths, &shop->by_path.node);

    hash = ngx_crc32_long(shop->site.data, shop->site.len);
    node = ngx_str_rbtree_lookup(&mcf->sites, &shop->site, hash);

    if (node) {
        other = ngx_rbtree_data(&node->node, ngx_http_cartrecover_shop_t,
                                by_site.node);
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "policy %V: $.shop.id \"%V\" is taken by %V: "
                           "give each shop an id of its own",
                           &shop->path, &shop->site, &other->path);
        return NGX_CONF_ERROR;
    }

    shop->by_site.str = shop->site;
    shop->by_site.node.key = hash;
    ngx_rbtree_insert(&mcf->sites, &shop->by_site.node);

    shops = ngx_array_push(&mcf->shops);
    if (shops == NULL) {
        return NGX_CONF_ERROR;
    }

    *shops = shop;
    lcf->shop = shop;

    return NGX_CONF_OK;
}


static ngx_http_cartrecover_shop_t *
ngx_http_cartrecover_shop_read(ngx_conf_t *cf, ngx_str_t *path)
{
    int                           n;
    cr_error_t                    err[1];
    ngx_http_cartrecover_shop_t  *shop;

    shop = ngx_pcalloc(cf->pool, sizeof(ngx_http_cartrecover_shop_t));
    if (shop == NULL) {
        return NULL;
    }

    shop->path = *path;
    shop->index = CR_NONE;

    if (ngx_http_cartrecover_read_file(cf, &shop->path, CR_POLICY_BYTES, 0,
                                       &shop->json)
        != NGX_OK)
    {
        return NULL;
    }

    n = cr_policy_parse(&shop->policy, (char *) shop->json.data,
                        shop->json.len, err, 1);

    if (n != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "policy %V:%d: %s: %s%s", &shop->path, err->line,
                           err->path, err->text,
                           n > 1 ? " (\"cartrecover check\" lists all "
                                   "mistakes)" : "");
        return NULL;
    }

    shop->site.data = (u_char *) shop->policy.site;
    shop->site.len = ngx_strlen(shop->policy.site);

    ngx_sprintf(shop->version, "%016xL%Z",
                (uint64_t) cr_siphash((const uint8_t *) "cartrecover.shop",
                                      shop->json.data, shop->json.len));

    return shop;
}


/* The profile by name or path; compiled once for each name and match list. */

ngx_int_t
ngx_http_cartrecover_profile(ngx_conf_t *cf,
    ngx_http_cartrecover_loc_conf_t *lcf)
{
    int                                  n;
    cr_str_t                             json;
    ngx_str_t                            name;
    ngx_uint_t                           i;
    cr_error_t                           err;
    cr_profile_extra_t                  *extra;
    ngx_pool_cleanup_t                  *cln;
    ngx_http_cartrecover_profile_t      *p, **pp;
    ngx_http_cartrecover_main_conf_t    *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_cartrecover_module);

    name = lcf->profile_name;

    if (name.len == 0 || ngx_strcmp(name.data, "auto") == 0) {
        name.data = (u_char *) lcf->shop->policy.platform;
        name.len = ngx_strlen(name.data);
    }

    if (name.len == 0) {
        ngx_str_set(&name, "generic");
    }

    pp = mcf->profiles.elts;

    for (i = 0; i < mcf->profiles.nelts; i++) {
        if (pp[i]->match == lcf->match && pp[i]->name.len == name.len
            && ngx_memcmp(pp[i]->name.data, name.data, name.len) == 0)
        {
            lcf->profile = pp[i]->profile;
            return NGX_OK;
        }
    }

    p = ngx_pcalloc(cf->pool, sizeof(ngx_http_cartrecover_profile_t));
    if (p == NULL) {
        return NGX_ERROR;
    }

    p->name = name;
    p->match = lcf->match;

    if (ngx_http_cartrecover_profile_json(cf, &name, &json) != NGX_OK) {
        return NGX_ERROR;
    }

    extra = lcf->match ? lcf->match->elts : NULL;
    n = lcf->match ? (int) lcf->match->nelts : 0;

    p->profile = cr_profile_compile_extra(json.p, json.n, extra, n, &err);

    if (p->profile == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "profile \"%V\":%d: %s: %s",
                           &name, err.line, err.path, err.text);
        return NGX_ERROR;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    pp = ngx_array_push(&mcf->profiles);

    if (cln == NULL || pp == NULL) {
        cr_profile_free(p->profile);
        return NGX_ERROR;
    }

    cln->handler = ngx_http_cartrecover_profile_cleanup;
    cln->data = p->profile;

    *pp = p;
    lcf->profile = p->profile;

    return NGX_OK;
}


static ngx_int_t
ngx_http_cartrecover_profile_json(ngx_conf_t *cf, ngx_str_t *name,
    cr_str_t *json)
{
    int         i;
    u_char      names[256], *p;
    ngx_str_t   path, content;

    *json = cr_profile_builtin((char *) name->data);

    if (json->p != NULL) {
        return NGX_OK;
    }

    if (ngx_strlchr(name->data, name->data + name->len, '/') == NULL) {
        p = names;

        for (i = 0; cr_profile_builtin_name(i); i++) {
            p = ngx_slprintf(p, names + sizeof(names), " %s",
                             cr_profile_builtin_name(i));
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown profile \"%V\": it is one of%*s, or a "
                           "path with a slash", name, (size_t) (p - names),
                           names);
        return NGX_ERROR;
    }

    path = *name;

    if (ngx_http_cartrecover_read_file(cf, &path, CR_POLICY_BYTES * 4, 0,
                                       &content)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    *json = ngx_http_cartrecover_str(content);

    return NGX_OK;
}


static void
ngx_http_cartrecover_profile_cleanup(void *data)
{
    cr_profile_free(data);
}
