#include "cr_profile_int.h"

#include <string.h>


/* What the definition at hand is: only the fields of the operation that will
 * run are told. */

enum { D_NONE, D_OPERATION, D_OTHER };


static const char *const  operations[] = {
    "query", "mutation", "subscription", NULL
};


void
cr_graphql_init(cr_graphql_t *g, cr_obs_t *o, cr_str_t want)
{
    memset(g, 0, sizeof(cr_graphql_t));
    g->obs = o;
    g->want = want;
}


static int
graphql_is(const cr_graphql_t *g, const char *word)
{
    return strlen(word) == g->n && memcmp(word, g->name, g->n) == 0;
}


/* How deep a selection lies; levels of inline fragments do not count. */

static int
graphql_depth(const cr_graphql_t *g)
{
    return g->braces - __builtin_popcount(g->clear);
}


static void
graphql_head(cr_graphql_t *g)
{
    int  i;

    if (g->role == D_NONE) {
        g->role = D_OTHER;
        g->words = 0;

        for (i = 0; operations[i] != NULL; i++) {
            if (graphql_is(g, operations[i])) {
                g->role = D_OPERATION;
            }
        }

        return;
    }

    if (g->role == D_OPERATION && g->words++ == 0 && !g->directive
        && g->want.n != 0
        && (g->want.n != g->n || memcmp(g->want.p, g->name, g->n) != 0))
    {
        g->role = D_OTHER;
    }

    g->directive = 0;
}


/* The pending name was a field: nothing made it an alias. */

static void
graphql_field(cr_graphql_t *g)
{
    cr_str_t  name, value, none;

    if (!g->pending) {
        return;
    }

    g->pending = 0;

    if (g->n == 0 || g->n == sizeof(g->name)) {
        return;
    }

    name = cr_lit("field");
    value.p = g->name;
    value.n = g->n;
    none.p = NULL;
    none.n = 0;

    cr_obs_offer(g->obs, CR_SRC_GRAPHQL, name, none, value, 1);
}


/* A name is complete; it is not pending before this. */

static void
graphql_name(cr_graphql_t *g)
{
    if (g->parens != 0) {
        g->n = 0;
        return;
    }

    if (g->braces == 0) {
        graphql_head(g);
        g->n = 0;
        return;
    }

    if (g->spread) {

        /* "... on Type" goes on, "...Name" is over */

        g->spread = (g->spread == 1 && graphql_is(g, "on")) ? 2
                    : (g->spread == 2) ? 3 : 0;
        g->n = 0;
        return;
    }

    if (g->directive) {
        g->directive = 0;
        g->n = 0;
        return;
    }

    if (g->role == D_OPERATION && graphql_depth(g) == 1) {
        g->pending = 1;
        return;
    }

    g->n = 0;
}


static void
graphql_open(cr_graphql_t *g)
{
    graphql_field(g);

    if (g->braces == 0 && g->role == D_NONE) {
        g->role = g->want.n ? D_OTHER : D_OPERATION;
    }

    if (g->braces == UINT8_MAX) {
        return;
    }

    if (g->spread && g->braces > 0 && g->braces < 32
        && graphql_depth(g) == 1)
    {
        g->clear |= (uint32_t) 1 << g->braces;
    }

    g->braces++;
    g->spread = 0;
    g->directive = 0;
    g->n = 0;
}


static void
graphql_close(cr_graphql_t *g)
{
    graphql_field(g);
    g->n = 0;
    g->spread = 0;

    if (g->braces == 0) {
        return;
    }

    g->braces--;

    if (g->braces < 32) {
        g->clear &= ~((uint32_t) 1 << g->braces);
    }

    if (g->braces == 0) {
        g->role = D_NONE;
    }
}


/* Inside "..." or """...""": 1 while c belongs to it. */

static int
graphql_string(cr_graphql_t *g, char c)
{
    if (g->string == 0) {
        return 0;
    }

    if (g->escape) {
        g->escape = 0;
        g->quotes = 0;
        return 1;
    }

    if (c == '\\') {
        g->escape = 1;
        return 1;
    }

    /* 1 a quote was opened, 2 two quotes, 3 a block */

    switch (g->string) {

    case 1:
        g->string = (c == '"') ? 2 : (c == '\n') ? 0 : 4;
        return 1;

    case 2:
        if (c == '"') {
            g->string = 3;
            g->quotes = 0;
            return 1;
        }

        g->string = 0;
        return 0;

    case 3:
        g->quotes = (c == '"') ? (uint8_t) (g->quotes + 1) : 0;

        if (g->quotes == 3) {
            g->string = 0;
            g->quotes = 0;
        }

        return 1;

    default:
        if (c == '"' || c == '\n') {
            g->string = 0;
        }

        return 1;
    }
}


static int
graphql_is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'
           || (c >= '0' && c <= '9');
}


static void
graphql_punctuator(cr_graphql_t *g, char c)
{
    switch (c) {

    case '{':
        if (g->parens == 0) {
            graphql_open(g);
        }

        return;

    case '}':
        if (g->parens == 0) {
            graphql_close(g);
        }

        return;

    case '(':
        graphql_field(g);
        g->parens += (g->parens < UINT8_MAX);
        return;

    case ')':
        g->parens -= (g->parens > 0);
        return;

    case ':':
        g->pending = 0;
        g->n = 0;
        return;

    case '@':
        graphql_field(g);
        g->directive = 1;
        return;

    case '.':
        graphql_field(g);

        if (++g->dots == 3) {
            g->spread = (g->parens == 0);
            g->dots = 0;
        }

        return;

    default:
        graphql_field(g);
    }
}


void
cr_graphql_feed(cr_graphql_t *g, const char *p, size_t n)
{
    char  c;

    for ( /* void */ ; n != 0; n--, p++) {
        c = *p;

        if (g->comment) {
            g->comment = (c != '\n');
            continue;
        }

        if (graphql_string(g, c)) {
            continue;
        }

        if (graphql_is_name(c)) {

            /* a pending name followed by another one was a field */

            graphql_field(g);
            g->dots = 0;

            if (!g->words_open) {
                g->words_open = 1;
                g->n = 0;
            }

            if (g->n < sizeof(g->name)) {
                g->name[g->n++] = c;
            }

            continue;
        }

        if (g->words_open) {
            g->words_open = 0;
            graphql_name(g);
        }

        switch (c) {

        case ' ':
        case '\t':
        case '\r':
        case '\n':
        case ',':
            break;

        case '#':
            g->comment = 1;
            break;

        case '"':
            g->string = 1;
            break;

        default:
            graphql_punctuator(g, c);
        }
    }
}
