#ifndef _NGX_HTTP_CARTRECOVER_MODULE_H_INCLUDED_
#define _NGX_HTTP_CARTRECOVER_MODULE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_event_connect.h>
#include <ngx_http.h>

#include "ngx_http_cartrecover_compat.h"

#include "cr_asset.h"
#include "cr_assign.h"
#include "cr_beacon.h"
#include "cr_body_scan.h"
#include "cr_csp.h"
#include "cr_event.h"
#include "cr_gzip_splice.h"
#include "cr_head_scan.h"
#include "cr_hook.h"
#include "cr_limit.h"
#include "cr_message.h"
#include "cr_policy.h"
#include "cr_profile.h"
#include "cr_restore.h"
#include "cr_score.h"
#include "cr_script.h"
#include "cr_table.h"
#include "cr_token.h"
#include "cr_version.h"


#define NGX_HTTP_CARTRECOVER_TEE       16384
#define NGX_HTTP_CARTRECOVER_SCAN      65536
#define NGX_HTTP_CARTRECOVER_SMALL     64
#define NGX_HTTP_CARTRECOVER_INFLIGHT  1024
#define NGX_HTTP_CARTRECOVER_DIRTY     256
#define NGX_HTTP_CARTRECOVER_NODE      64     /* bytes of a node's name */
#define NGX_HTTP_CARTRECOVER_RETRY     2      /* s until sent again */
#define NGX_HTTP_CARTRECOVER_AGAIN     5      /* s of acks to repeat */
#define NGX_HTTP_CARTRECOVER_HEARTBEAT 10     /* s */
#define NGX_HTTP_CARTRECOVER_STREAM    1000000  /* entries, then no "seen" */

#define NGX_HTTP_CARTRECOVER_INJECT_OFF     0
#define NGX_HTTP_CARTRECOVER_INJECT_BEACON  1

#define NGX_HTTP_CARTRECOVER_PLACE_HEAD   0
#define NGX_HTTP_CARTRECOVER_PLACE_START  1

#define NGX_HTTP_CARTRECOVER_DOCTYPE  "<!doctype html>"

/* refusals in a row until pages go by gunzip, and how many of them do */

#define NGX_HTTP_CARTRECOVER_REFUSALS  4
#define NGX_HTTP_CARTRECOVER_GUNZIP    256

#define NGX_HTTP_CARTRECOVER_CONSENT_REQUIRE  0
#define NGX_HTTP_CARTRECOVER_CONSENT_ASSUME   1
#define NGX_HTTP_CARTRECOVER_CONSENT_VALUE    2

#define NGX_HTTP_CARTRECOVER_STATUS_JSON        1
#define NGX_HTTP_CARTRECOVER_STATUS_PROMETHEUS  2

#define NGX_HTTP_CARTRECOVER_ALL_KINDS   ((1 << CR_KIND_MAX) - 1)
#define NGX_HTTP_CARTRECOVER_STOP_KINDS                                       \
    ((1 << CR_KIND_ORDER) | (1 << CR_KIND_OPTOUT) | (1 << CR_KIND_CONTACT)    \
     | (1 << CR_KIND_CONSENT))


typedef struct ngx_http_cartrecover_redis_s  ngx_http_cartrecover_redis_t;


/* one Redis server as configured; each worker has one connection to it */

typedef struct {
    ngx_str_t                       name;
    ngx_addr_t                     *addr;
    ngx_str_t                       auth;
    ngx_str_t                       node;
    ngx_uint_t                      db;
    ngx_msec_t                      timeout;
    ngx_http_cartrecover_redis_t   *redis;       /* this worker's */
} ngx_http_cartrecover_redis_conf_t;


/* one policy file */

typedef struct {
    cr_policy_t                         policy;
    ngx_str_t                           site;
    ngx_str_t                           path;
    ngx_str_t                           json;
    u_char                              version[17];
    int                                 index;   /* of the site in the zone */
    cr_mode_e                           mode;    /* of directive and policy */
    ngx_http_cartrecover_redis_conf_t  *redis;
    ngx_uint_t                          told;    /* to which connection */
    ngx_str_node_t                      by_path;
    ngx_str_node_t                      by_site;
} ngx_http_cartrecover_shop_t;


/* the files of all locations with one prefix and one call of the beacon */

typedef struct {
    ngx_str_t                       prefix;
    ngx_str_t                       call;
    ngx_str_t                       sheet;
    struct ngx_http_cartrecover_file_s  *files;
} ngx_http_cartrecover_web_t;


typedef struct {
    ngx_shm_zone_t                 *zone;
    ngx_str_t                       zone_name;
    time_t                          ttl;
    ngx_str_t                       dump;
    ngx_msec_t                      dump_interval;
    ngx_str_t                       spool;
    size_t                          spool_size;
    ngx_array_t                     redis;    /* of redis_conf_t pointers */
    ngx_array_t                     shops;    /* of shop_t pointers */
    ngx_rbtree_t                    paths;    /* of shop_t */
    ngx_rbtree_t                    sites;
    ngx_rbtree_node_t               none;     /* of both trees */
    ngx_array_t                     profiles; /* of profile_t */
    ngx_array_t                     webs;     /* of web_t */
    ngx_uint_t                      enabled;  /* unsigned  enabled:1; */
} ngx_http_cartrecover_main_conf_t;


typedef struct {
    ngx_str_t                       prefix;
    ngx_uint_t                      on;
} ngx_http_cartrecover_srv_conf_t;


typedef struct ngx_http_cartrecover_file_s {
    ngx_str_t                       data;
    ngx_str_t                       gzip;
    ngx_str_t                       type;
} ngx_http_cartrecover_file_t;


typedef struct {
    ngx_uint_t                          mode;    /* cr_mode_e */
    ngx_http_cartrecover_shop_t        *shop;
    ngx_http_cartrecover_redis_conf_t  *redis;
    cr_keyring_t                       *ring;
    ngx_str_t                           profile_name;
    cr_profile_t                       *profile;
    ngx_array_t                        *match;   /* of cr_profile_extra_t */
    ngx_array_t                        *bypass;  /* of complex values */
    ngx_array_t                        *hooks;   /* of hook_t */
    ngx_uint_t                          inject;
    ngx_uint_t                          place;
    ngx_flag_t                          transform;  /* no-transform or not */
    ngx_uint_t                          consent;
    ngx_http_complex_value_t           *consent_value;
    ngx_http_complex_value_t           *locale;
    ngx_flag_t                          debug;
    ngx_uint_t                          status;
    ngx_uint_t                          limit_rate;   /* 1/1000 bodies a s */
    ngx_uint_t                          limit_burst;  /* 1/1000 bodies */
    ngx_uint_t                          address_rate; /* of one address */
    ngx_uint_t                          address_burst;

    /* made at merge */
    ngx_str_t                           prefix;
    ngx_str_t                           tag;
    ngx_str_t                           sheet;   /* address of m.css */
    ngx_str_t                           wide_tag;   /* doctype + tag long */
    ngx_str_t                           front;   /* block, doctype, tag */
    uint32_t                            front_crc;
    ngx_http_cartrecover_file_t        *files;   /* as web.c lists them */

    /* this worker's: what splicing met here last */
    ngx_uint_t                          refusals;
    ngx_uint_t                          gunzip;
} ngx_http_cartrecover_loc_conf_t;


typedef struct {
    cr_hook_kind_e                  kind;
    ngx_uint_t                      nkeys;    /* 1 or 2; [0] is current */
    cr_hook_key_t                   key[2];
    time_t                          tolerance;
} ngx_http_cartrecover_hook_t;


typedef struct {
    cr_session_t                    session;
    int64_t                         value;    /* minor units */
    unsigned                        pieces;
    char                            currency[4];
} ngx_http_cartrecover_view_t;


typedef struct ngx_http_cartrecover_message_s  ngx_http_cartrecover_message_t;


/* a gzip page that is spliced */

typedef struct {
    cr_splice_t                     state;
    ngx_chain_t                    *free;
    ngx_chain_t                    *busy;
} ngx_http_cartrecover_splice_t;


typedef struct {
    ngx_http_request_t             *request;
    ngx_http_cartrecover_loc_conf_t  *lcf;
    cr_match_t                      match;
    cr_obs_t                       *obs;

    u_char                         *tee;
    size_t                          tee_len;
    size_t                          tee_size;

    cr_id_t                         id;
    cr_cookie_t                     cookie;

    cr_event_e                      event;
    cr_tier_e                       tier;
    cr_skip_e                       skip;
    cr_str_t                        nonce;    /* of the page's policy */
    ngx_str_t                       tag;
    ngx_str_t                       front;    /* block, doctype, tag */
    cr_head_scan_t                  scan;
    ngx_http_cartrecover_splice_t  *splice;
    ngx_buf_t                      *tag_buf;
    ngx_buf_t                      *view_buf;
    ngx_http_cartrecover_message_t *message;  /* NULL: none in this page */

    void                           *body;     /* of our own endpoints */

    unsigned                        classified:1;
    unsigned                        identified:1;
    unsigned                        has_id:1;
    unsigned                        has_cookie:1;
    unsigned                        cookie_old:1; /* its arm is another */
    unsigned                        feed:1;
    unsigned                        observed:1;
    unsigned                        committed:1;
    unsigned                        viewed:1;     /* for the log phase */
    unsigned                        inject:1;
    unsigned                        promised:1;   /* Content-Length says so */
    unsigned                        scan_ended:1;
    unsigned                        done:1;
    unsigned                        gzip:1;       /* to be spliced */
    unsigned                        start:1;      /* document start is open */
    unsigned                        told:1;       /* the splice's outcome */
    unsigned                        gunzip:1;
    unsigned                        gzip_tested:1;
    unsigned                        gzip_ok:1;
    unsigned                        bot:1;
    unsigned                        gpc:1;
    unsigned                        prefetch:1;
    unsigned                        ajax:1;       /* no navigation */
    unsigned                        own:1;        /* one of our endpoints */
    unsigned                        set_cookie:1;
} ngx_http_cartrecover_ctx_t;


/* a reply from Redis: parsed, valid during the call; NULL = lost */

struct redisReply;

typedef void (*ngx_http_cartrecover_reply_pt)(void *data,
    struct redisReply *reply);


extern ngx_module_t  ngx_http_cartrecover_module;
extern ngx_module_t  ngx_http_cartrecover_early_filter_module;


#define ngx_http_cartrecover_str(s)  ((cr_str_t) { (const char *) (s).data,   \
                                                   (s).len })


/* ctx: the request's context, and headers by name */

ngx_http_cartrecover_ctx_t *ngx_http_cartrecover_ctx(ngx_http_request_t *r,
    ngx_uint_t create);
cr_str_t ngx_http_cartrecover_header_in(void *data, cr_str_t name);
cr_str_t ngx_http_cartrecover_header_out(void *data, cr_str_t name);

/* conf: parsers of directives, files that they name */

char *ngx_http_cartrecover_mode(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_cartrecover_zone(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_cartrecover_redis(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_cartrecover_secret(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_cartrecover_shop(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_cartrecover_match(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_cartrecover_prefix(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_cartrecover_inject(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_cartrecover_consent(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_cartrecover_status(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_int_t ngx_http_cartrecover_profile(ngx_conf_t *cf,
    ngx_http_cartrecover_loc_conf_t *lcf);
ngx_int_t ngx_http_cartrecover_files(ngx_conf_t *cf,
    ngx_http_cartrecover_loc_conf_t *lcf);
ngx_int_t ngx_http_cartrecover_read_file(ngx_conf_t *cf, ngx_str_t *path,
    size_t max, ngx_uint_t secret, ngx_str_t *content);

/* location: the implicit ^~ location of the endpoints */

ngx_int_t ngx_http_cartrecover_add_location(ngx_conf_t *cf,
    ngx_http_cartrecover_srv_conf_t *scf);

/* zone */

ngx_int_t ngx_http_cartrecover_zone_init(ngx_shm_zone_t *shm_zone,
    void *data);
cr_zone_t *ngx_http_cartrecover_lock(void);
void ngx_http_cartrecover_unlock(void);
cr_zone_t *ngx_http_cartrecover_table(void);
cr_limit_t *ngx_http_cartrecover_limits(void);
void ngx_http_cartrecover_zone_attach(ngx_cycle_t *cycle);
void ngx_http_cartrecover_dump_tick(ngx_log_t *log);
void ngx_http_cartrecover_dump_all(ngx_log_t *log);

/* observe: what passes by */

ngx_int_t ngx_http_cartrecover_request_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);
extern ngx_http_request_body_filter_pt  ngx_http_cartrecover_next_request_body;
void ngx_http_cartrecover_request(ngx_http_request_t *r, cr_request_t *cr);
void ngx_http_cartrecover_classify(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx);
void ngx_http_cartrecover_observe_head(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx);
void ngx_http_cartrecover_observe_body(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx, ngx_chain_t *in);

/* log: the log phase */

ngx_int_t ngx_http_cartrecover_log_handler(ngx_http_request_t *r);

/* identity: who the shopper is */

void ngx_http_cartrecover_identity_init(void);
void ngx_http_cartrecover_identify(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx);
ngx_int_t ngx_http_cartrecover_new_id(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx, ngx_uint_t may_set_cookie);
ngx_int_t ngx_http_cartrecover_set_cookie(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx, ngx_uint_t expire);
ngx_uint_t ngx_http_cartrecover_private(ngx_http_request_t *r);
ngx_uint_t ngx_http_cartrecover_bot(ngx_http_request_t *r);

/* session: writing what was seen to the zone */

void ngx_http_cartrecover_commit(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx, cr_event_e event, cr_obs_t *obs,
    ngx_uint_t may_set_cookie);
void ngx_http_cartrecover_trigger(cr_zone_t *z, cr_session_t *s,
    ngx_http_cartrecover_ctx_t *ctx, const char *trigger);
ngx_int_t ngx_http_cartrecover_view(ngx_http_cartrecover_ctx_t *ctx,
    ngx_http_cartrecover_view_t *view);

/* skip: why a response gets no tag */

cr_skip_e ngx_http_cartrecover_skip(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx);
cr_skip_e ngx_http_cartrecover_type_test(ngx_http_request_t *r);
cr_skip_e ngx_http_cartrecover_headers_test(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx);

/* inject */

extern ngx_http_output_body_filter_pt  ngx_http_cartrecover_next_body_filter;
ngx_int_t ngx_http_cartrecover_filter_init(ngx_conf_t *cf);

ngx_int_t ngx_http_cartrecover_chain_copy(ngx_http_request_t *r,
    ngx_chain_t *in, ngx_chain_t *cl, ngx_buf_t **bufs, ngx_uint_t n,
    ngx_chain_t **out);

/* message: what the proxy itself puts into a private page */

ngx_uint_t ngx_http_cartrecover_message_may(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx);
void ngx_http_cartrecover_message_head(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx);
ngx_int_t ngx_http_cartrecover_message_body(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx, ngx_chain_t *in, ngx_chain_t **out);
cr_message_e ngx_http_cartrecover_message_id(ngx_http_cartrecover_ctx_t *ctx);

/* tag: its text, and what stands in front of a document */

ngx_int_t ngx_http_cartrecover_tag_init(ngx_conf_t *cf,
    ngx_http_cartrecover_loc_conf_t *lcf);
ngx_int_t ngx_http_cartrecover_tag(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx, ngx_uint_t front);

/* splice: gzip pages */

ngx_int_t ngx_http_cartrecover_splice_prepare(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx);
ngx_int_t ngx_http_cartrecover_splice_body(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx, ngx_chain_t *in);

/* web: scripts and style sheet */

ngx_int_t ngx_http_cartrecover_web(ngx_http_request_t *r, ngx_str_t *name);

/* endpoint */

ngx_int_t ngx_http_cartrecover_endpoint(ngx_http_request_t *r);
ngx_int_t ngx_http_cartrecover_status_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_cartrecover_send(ngx_http_request_t *r, ngx_uint_t status,
    const char *type, const char *cache, u_char *data, size_t len);
ngx_int_t ngx_http_cartrecover_read_body(ngx_http_request_t *r, size_t max,
    void (*handler)(ngx_http_request_t *r, u_char *data, size_t len));
ngx_int_t ngx_http_cartrecover_same_origin(ngx_http_request_t *r);
ngx_int_t ngx_http_cartrecover_form(ngx_http_request_t *r, u_char *data,
    size_t len, const char *name, ngx_str_t *value);
ngx_int_t ngx_http_cartrecover_beacon(ngx_http_request_t *r);
ngx_int_t ngx_http_cartrecover_contact(ngx_http_request_t *r);
ngx_int_t ngx_http_cartrecover_session_panel(ngx_http_request_t *r);

/* wait: requests of our own that wait for Redis */

typedef struct ngx_http_cartrecover_ask_s  ngx_http_cartrecover_ask_t;

/* called once with the reply, or NULL: none came, or an error */

typedef void (*ngx_http_cartrecover_wait_pt)(ngx_http_request_t *r,
    void *data, struct redisReply *reply);

/* sends the command, its reply to ngx_http_cartrecover_answer with &ask */

typedef ngx_int_t (*ngx_http_cartrecover_ask_pt)(ngx_http_request_t *r,
    void *data, ngx_http_cartrecover_ask_t *ask);

ngx_int_t ngx_http_cartrecover_wait(ngx_http_request_t *r,
    ngx_http_cartrecover_redis_conf_t *rc, ngx_http_cartrecover_ask_pt send,
    ngx_http_cartrecover_wait_pt handler, void *data);
void ngx_http_cartrecover_answer(void *data, struct redisReply *reply);

/* limit: how often one address may ask */

char *ngx_http_cartrecover_limit(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_int_t ngx_http_cartrecover_limit_address(ngx_http_request_t *r,
    ngx_http_cartrecover_loc_conf_t *lcf);

/* hook: signed webhooks of the shop */

ngx_int_t ngx_http_cartrecover_hook(ngx_http_request_t *r);
char *ngx_http_cartrecover_hook_conf(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_http_cartrecover_hook_t *ngx_http_cartrecover_hook_find(
    ngx_http_cartrecover_loc_conf_t *lcf, cr_hook_kind_e kind);

/* link: r/TOKEN and u/TOKEN, which wait for Redis */

ngx_int_t ngx_http_cartrecover_link(ngx_http_request_t *r, ngx_str_t *token,
    cr_token_e purpose);

/* redis: one connection a worker and server */

ngx_int_t ngx_http_cartrecover_redis_init(ngx_cycle_t *cycle);
void ngx_http_cartrecover_redis_done(ngx_cycle_t *cycle);
ngx_uint_t ngx_http_cartrecover_redis_ready(
    ngx_http_cartrecover_redis_conf_t *rc);
ngx_int_t ngx_http_cartrecover_redis_send(
    ngx_http_cartrecover_redis_conf_t *rc, int argc, const char **argv,
    const size_t *lens, ngx_http_cartrecover_reply_pt handler, void *data,
    size_t size);
void ngx_http_cartrecover_redis_flush(ngx_http_cartrecover_redis_conf_t *rc);
void ngx_http_cartrecover_redis_up(ngx_http_cartrecover_redis_conf_t *rc);

/* queue: what slots owe, as commands */

void ngx_http_cartrecover_queue(ngx_http_cartrecover_shop_t *shop,
    uint32_t slot);
ngx_int_t ngx_http_cartrecover_queue_slot(uint32_t slot, unsigned kinds,
    uint32_t retry_s);
ngx_int_t ngx_http_cartrecover_queue_log(void);
ngx_int_t ngx_http_cartrecover_queue_stop(ngx_http_cartrecover_shop_t *shop,
    const char *by, const char *subject, const char *why,
    ngx_http_cartrecover_reply_pt handler, void *data, size_t size);
ngx_http_cartrecover_shop_t *ngx_http_cartrecover_shop_by_index(int index);
void ngx_http_cartrecover_queue_init(ngx_cycle_t *cycle);

/* spool: what an outage of Redis would push out */

ngx_uint_t ngx_http_cartrecover_spool_tick(
    ngx_http_cartrecover_main_conf_t *mcf, ngx_log_t *log);
ngx_uint_t ngx_http_cartrecover_spool_open(void);
ngx_int_t ngx_http_cartrecover_spool_put(ngx_http_cartrecover_shop_t *shop,
    cr_lua_e script, int argc, const char **argv, const size_t *lens);

/* sweep */

void ngx_http_cartrecover_sweep_init(ngx_cycle_t *cycle);
void ngx_http_cartrecover_sweep_again(void);

/* variables */

ngx_int_t ngx_http_cartrecover_add_variables(ngx_conf_t *cf);


#endif /* _NGX_HTTP_CARTRECOVER_MODULE_H_INCLUDED_ */
