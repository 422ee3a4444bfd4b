/*
 * Pages that come as gzip: lib/cr_gzip_splice.h decides, here are its parts
 * made into bufs.  The last part of a buf that is still the buf's own stays in
 * that buf; what is ours is taken again when it was sent, so that a page of any
 * length costs a few bufs.
 */

#include "ngx_http_cartrecover_module.h"


#define NGX_HTTP_CARTRECOVER_SPLICE_BUFS  4    /* made before the header goes */
#define NGX_HTTP_CARTRECOVER_SPLICE_ROOM  8    /* bytes in each */

#define ngx_http_cartrecover_splice_tag                                       \
    (ngx_buf_tag_t) &ngx_http_cartrecover_early_filter_module


static ngx_int_t ngx_http_cartrecover_splice_buf(ngx_http_request_t *r,
    ngx_http_cartrecover_splice_t *s, ngx_buf_t *b, ngx_chain_t ***last);
static ngx_int_t ngx_http_cartrecover_splice_flags(ngx_http_request_t *r,
    ngx_http_cartrecover_splice_t *s, ngx_buf_t *b, ngx_buf_t *end,
    ngx_chain_t ***last);
static ngx_buf_t *ngx_http_cartrecover_splice_own(ngx_http_request_t *r,
    ngx_http_cartrecover_splice_t *s, ngx_chain_t ***last);
static ngx_buf_t *ngx_http_cartrecover_splice_part(ngx_http_request_t *r,
    ngx_http_cartrecover_splice_t *s, cr_splice_part_t *part,
    ngx_chain_t ***last);
static ngx_int_t ngx_http_cartrecover_splice_link(ngx_http_request_t *r,
    ngx_buf_t *b, ngx_chain_t ***last);
static void ngx_http_cartrecover_splice_told(ngx_http_cartrecover_ctx_t *ctx);


ngx_int_t
ngx_http_cartrecover_splice_prepare(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx)
{
    off_t                           length;
    u_char                         *room;
    uint32_t                        crc;
    ngx_buf_t                      *b;
    ngx_uint_t                      i;
    ngx_chain_t                    *cl;
    ngx_http_cartrecover_splice_t  *s;

    length = r->headers_out.content_length_n;

    if (r->header_only || r->method == NGX_HTTP_HEAD) {

        /* what GET would announce hangs on a body that nobody will see */

        ngx_http_clear_content_length(r);
        return NGX_OK;
    }

    s = ngx_palloc(r->pool, sizeof(ngx_http_cartrecover_splice_t)
                            + NGX_HTTP_CARTRECOVER_SPLICE_BUFS
                              * (sizeof(ngx_buf_t) + sizeof(ngx_chain_t)
                                 + NGX_HTTP_CARTRECOVER_SPLICE_ROOM));
    if (s == NULL) {
        return NGX_ERROR;
    }

    b = (ngx_buf_t *) (s + 1);
    cl = (ngx_chain_t *) (b + NGX_HTTP_CARTRECOVER_SPLICE_BUFS);
    room = (u_char *) (cl + NGX_HTTP_CARTRECOVER_SPLICE_BUFS);

    s->free = NULL;
    s->busy = NULL;

    for (i = 0; i < NGX_HTTP_CARTRECOVER_SPLICE_BUFS; i++) {
        b[i].start = room + i * NGX_HTTP_CARTRECOVER_SPLICE_ROOM;
        cl[i].buf = &b[i];
        cl[i].next = s->free;
        s->free = &cl[i];
    }

    crc = ctx->front.data == ctx->lcf->front.data
          ? ctx->lcf->front_crc
          : ngx_crc32_long(ctx->front.data + CR_SPLICE_BLOCK,
                           ctx->front.len - CR_SPLICE_BLOCK);

    cr_splice_init(&s->state, ctx->front.data, ctx->front.len, crc,
                   length > 0 ? length : -1);

    if (length > 0) {
        ngx_http_clear_content_length(r);
        r->headers_out.content_length_n = length + ctx->front.len;
    }

    ctx->splice = s;
    ctx->inject = 1;

    return NGX_OK;
}


ngx_int_t
ngx_http_cartrecover_splice_body(ngx_http_request_t *r,
    ngx_http_cartrecover_ctx_t *ctx, ngx_chain_t *in)
{
    off_t                           size, idle;
    ngx_int_t                       rc;
    ngx_chain_t                    *cl, *out, **last;
    ngx_http_cartrecover_splice_t  *s;

    s = ctx->splice;
    idle = cr_splice_idle(&s->state);

    if (idle > 0) {
        size = 0;

        for (cl = in; cl; cl = cl->next) {
            size += ngx_buf_size(cl->buf);
        }

        if (size <= idle) {
            cr_splice_skip(&s->state, size);
            return ngx_http_cartrecover_next_body_filter(r, in);
        }
    }

    last = &out;

    for (cl = in; cl; cl = cl->next) {
        if (ngx_http_cartrecover_splice_buf(r, s, cl->buf, &last) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    *last = NULL;

    ngx_http_cartrecover_splice_told(ctx);

    rc = ngx_http_cartrecover_next_body_filter(r, out);

    ngx_chain_update_chains(r->pool, &s->free, &s->busy, &out,
                            ngx_http_cartrecover_splice_tag);

    return rc;
}


static ngx_int_t
ngx_http_cartrecover_splice_buf(ngx_http_request_t *r,
    ngx_http_cartrecover_splice_t *s, ngx_buf_t *b, ngx_chain_t ***last)
{
    int                i, n, tail;
    off_t              size;
    ngx_buf_t         *end;
    cr_splice_part_t   parts[CR_SPLICE_PARTS];

    size = ngx_buf_size(b);

    if (size > 0 && !ngx_buf_in_memory(b)) {
        ngx_log_error(NGX_LOG_ALERT, r->connection->log, 0,
                      "cartrecover: a page's bytes are not in memory");
        return NGX_ERROR;
    }

    n = size > 0 || b->last_buf ? cr_splice(&s->state, b->pos, (size_t) size,
                                            b->last_buf, parts)
                                : 0;

    tail = -1;

    for (i = 0; i < n; i++) {
        if (parts[i].kind == CR_PART_PIECE) {
            tail = i;
        }
    }

    end = NULL;

    for (i = 0; i < n; i++) {

        if (i != tail) {
            end = ngx_http_cartrecover_splice_part(r, s, &parts[i], last);
            if (end == NULL) {
                return NGX_ERROR;
            }

            continue;
        }

        if (b->in_file) {
            b->file_pos += parts[i].p - b->pos;
            b->file_last = b->file_pos + parts[i].n;
        }

        b->pos = (u_char *) parts[i].p;
        b->last = b->pos + parts[i].n;
        end = b;

        if (ngx_http_cartrecover_splice_link(r, b, last) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (size == 0) {
        return ngx_http_cartrecover_splice_link(r, b, last);
    }

    if (tail == -1) {
        b->pos = b->last;
        b->file_pos = b->file_last;
    }

    if (end == b) {
        return NGX_OK;
    }

    return ngx_http_cartrecover_splice_flags(r, s, b, end, last);
}


/* What b's flags say moves to end, the last of the bufs that left for it; NULL
 * when all its bytes are held. */

static ngx_int_t
ngx_http_cartrecover_splice_flags(ngx_http_request_t *r,
    ngx_http_cartrecover_splice_t *s, ngx_buf_t *b, ngx_buf_t *end,
    ngx_chain_t ***last)
{
    if (end == NULL) {

        if (!b->flush && !b->last_in_chain) {
            return NGX_OK;
        }

        end = ngx_http_cartrecover_splice_own(r, s, last);
        if (end == NULL) {
            return NGX_ERROR;
        }

        end->sync = 1;
    }

    end->last_buf = b->last_buf;
    end->last_in_chain = b->last_in_chain;
    end->flush = b->flush;

    b->last_buf = 0;
    b->last_in_chain = 0;
    b->flush = 0;

    return NGX_OK;
}


/* An empty buf of ours, of no kind yet, at the end of the chain. */

static ngx_buf_t *
ngx_http_cartrecover_splice_own(ngx_http_request_t *r,
    ngx_http_cartrecover_splice_t *s, ngx_chain_t ***last)
{
    u_char       *start;
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    cl = ngx_chain_get_free_buf(r->pool, &s->free);
    if (cl == NULL) {
        return NULL;
    }

    b = cl->buf;
    start = b->start;

    ngx_memzero(b, sizeof(ngx_buf_t));

    if (start == NULL) {
        start = ngx_pnalloc(r->pool, NGX_HTTP_CARTRECOVER_SPLICE_ROOM);
        if (start == NULL) {
            return NULL;
        }
    }

    b->start = start;
    b->end = start + NGX_HTTP_CARTRECOVER_SPLICE_ROOM;
    b->tag = ngx_http_cartrecover_splice_tag;

    **last = cl;
    *last = &cl->next;

    return b;
}


static ngx_buf_t *
ngx_http_cartrecover_splice_part(ngx_http_request_t *r,
    ngx_http_cartrecover_splice_t *s, cr_splice_part_t *part,
    ngx_chain_t ***last)
{
    ngx_buf_t  *b;

    b = ngx_http_cartrecover_splice_own(r, s, last);
    if (b == NULL) {
        return NULL;
    }

    b->memory = 1;

    if (part->kind == CR_PART_COPY) {
        b->pos = b->start;
        b->last = ngx_cpymem(b->pos, part->p, part->n);

    } else {
        b->pos = (u_char *) part->p;
        b->last = b->pos + part->n;
    }

    return b;
}


static ngx_int_t
ngx_http_cartrecover_splice_link(ngx_http_request_t *r, ngx_buf_t *b,
    ngx_chain_t ***last)
{
    ngx_chain_t  *cl;

    cl = ngx_alloc_chain_link(r->pool);
    if (cl == NULL) {
        return NGX_ERROR;
    }

    cl->buf = b;

    **last = cl;
    *last = &cl->next;

    return NGX_OK;
}


/* What became of the page, once that is known.  Where four in a row were
 * refused for what they are, the next ones are left to gunzip (early.c). */

static void
ngx_http_cartrecover_splice_told(ngx_http_cartrecover_ctx_t *ctx)
{
    ngx_http_cartrecover_loc_conf_t  *lcf;

    static const cr_skip_e  words[] = {
        [CR_SPLICE_NO_GZIP] = CR_SKIP_GZIP,
        [CR_SPLICE_NO_FRONT] = CR_SKIP_FRONT,
        [CR_SPLICE_SHORT] = CR_SKIP_SHORT
    };

    if (ctx->told || ctx->splice->state.outcome == CR_SPLICE_OPEN) {
        return;
    }

    ctx->told = 1;
    lcf = ctx->lcf;

    if (ctx->splice->state.outcome == CR_SPLICE_DONE) {
        cr_count(ngx_http_cartrecover_table(), CR_N_injected, 1);
        cr_count(ngx_http_cartrecover_table(), CR_N_spliced, 1);
        lcf->refusals = 0;
        return;
    }

    ctx->skip = words[ctx->splice->state.outcome];

    if (++lcf->refusals >= NGX_HTTP_CARTRECOVER_REFUSALS) {
        lcf->refusals = NGX_HTTP_CARTRECOVER_REFUSALS - 1;
        lcf->gunzip = NGX_HTTP_CARTRECOVER_GUNZIP;
    }
}
