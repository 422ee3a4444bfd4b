#define _GNU_SOURCE

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "cr_version.h"


static const crc_command_t  crc_commands[] = {
    { "check", crc_check, 1, -1, "check POLICY... [--templates DIR]",
      "reads policies, says each mistake with its place and its cure" },
    { "send-test", crc_send_test, 1, 1,
      "send-test ADDRESS --policy FILE [--locale L]",
      "sends the first message with a made-up cart to an address of yours" },
    { "queue peek", crc_queue_peek, 0, 0, "queue peek [--site S] [-n N]",
      "what is due next, what came in last" },
    { "stop", crc_stop, 1, 1, "stop SITE [--channel C]",
      "nothing is sent until it is resumed" },
    { "resume", crc_resume, 1, 1, "resume SITE [--channel C]",
      "sending goes on" },
    { "forget", crc_forget, 1, 1, "forget ADDRESS [--site S]",
      "erases a person and prints a receipt" },
    { "nodes ls", crc_nodes_ls, 0, 0, "nodes ls [--site S]",
      "the nginx nodes and when they were heard" },
    { "nodes retire", crc_nodes_retire, 1, 1,
      "nodes retire NODE [--site S] [--force]",
      "takes a node that is gone off the list, so that mail may leave" },
    { "version", crc_version, 0, 0, "version", "the version" },
};

#define CRC_NCOMMANDS  (sizeof(crc_commands) / sizeof(crc_commands[0]))

static const struct option  crc_options[] = {
    { "json", no_argument, NULL, 'j' },
    { "force", no_argument, NULL, 'f' },
    { "config", required_argument, NULL, 'c' },
    { "site", required_argument, NULL, 's' },
    { "policy", required_argument, NULL, 'p' },
    { "templates", required_argument, NULL, 't' },
    { "locale", required_argument, NULL, 'l' },
    { "channel", required_argument, NULL, 'C' },
    { "count", required_argument, NULL, 'n' },
    { "help", no_argument, NULL, 'h' },
    { NULL, 0, NULL, 0 }
};


static void
crc_usage(FILE *to)
{
    size_t  i;

    (void) fprintf(to, "usage: cartrecover COMMAND ...\n\n");

    for (i = 0; i < CRC_NCOMMANDS; i++) {
        (void) fprintf(to, "  %s\n      %s\n", crc_commands[i].usage,
                       crc_commands[i].does);
    }

    (void) fprintf(to, "\n  --config FILE  the worker's configuration, "
                   "%s\n"
                   "  --json         the last line is one JSON object\n\n"
                   "exit codes: 0 ok, 1 findings, 2 usage, 3 input or "
                   "output\n", CRD_CONFIG_FILE);
}


/* -1: a wrong option, which getopt has named; 1: help was asked for. */

static int
crc_parse(crc_t *c, int argc, char **argv)
{
    int    o;
    char  *end;

    while ((o = getopt_long(argc, argv, "jfhc:s:p:t:l:n:", crc_options, NULL))
           != -1)
    {
        switch (o) {
        case 'j':  c->json = 1;            break;
        case 'f':  c->force = 1;           break;
        case 'c':  c->config = optarg;     break;
        case 's':  c->site = optarg;       break;
        case 'p':  c->policy = optarg;     break;
        case 't':  c->templates = optarg;  break;
        case 'l':  c->locale = optarg;     break;
        case 'C':  c->channel = optarg;    break;

        case 'n':
            c->n = (int) strtol(optarg, &end, 10);

            if (*end || end == optarg || c->n < 0 || c->n > 10000) {
                (void) fprintf(stderr, "cartrecover: -n takes a number from 0 "
                               "to 10000\n");
                return -1;
            }

            break;

        case 'h':
            return 1;

        default:
            return -1;
        }
    }

    c->argc = argc - optind;
    c->argv = argv + optind;

    return 0;
}


/* The command that the words begin with, longest name first; *words is how
 * many of them are its name. */

static const crc_command_t *
crc_find(const crc_t *c, int *words)
{
    char    name[64];
    size_t  i;

    for (*words = 2; *words > 0; (*words)--) {

        if (c->argc < *words) {
            continue;
        }

        (void) snprintf(name, sizeof(name), "%.24s%s%.24s", c->argv[0],
                        (*words == 2) ? " " : "",
                        (*words == 2) ? c->argv[1] : "");

        for (i = 0; i < CRC_NCOMMANDS; i++) {
            if (strcmp(crc_commands[i].name, name) == 0) {
                return &crc_commands[i];
            }
        }
    }

    return NULL;
}


/* A command line that is wrong; `usage` NULL: all of it is shown. */

static int
crc_wrong(const crc_t *c, const char *usage)
{
    if (usage != NULL) {
        (void) fprintf(stderr, "usage: cartrecover %s\n", usage);
    } else {
        crc_usage(stderr);
    }

    if (c->json) {
        (void) printf("{\"error\":\"usage\",\"exit\":%d}\n", CRC_USAGE);
    }

    return CRC_USAGE;
}


int
crc_version(crc_t *c)
{
    crc_say("cartrecover %s", CR_VERSION);
    json_object_set_new(c->out, "version", json_string(CR_VERSION));

    return CRC_OK;
}


int
main(int argc, char **argv)
{
    int                   rc, words;
    char                 *text;
    const crc_command_t  *cmd;

    static crc_t  c;

    c.config = CRD_CONFIG_FILE;
    c.n = 10;
    rc = crc_parse(&c, argc, argv);

    if (rc == 1) {
        crc_usage(stdout);
        return CRC_OK;
    }

    cmd = (rc == 0) ? crc_find(&c, &words) : NULL;

    if (cmd == NULL) {
        if (rc == 0 && c.argc > 0) {
            (void) fprintf(stderr, "cartrecover: no command \"%s\"\n",
                           c.argv[0]);
        }

        return crc_wrong(&c, NULL);
    }

    c.argc -= words;
    c.argv += words;

    if (c.argc < cmd->min || (cmd->max >= 0 && c.argc > cmd->max)) {
        return crc_wrong(&c, cmd->usage);
    }

    c.out = json_object();
    json_object_set_new(c.out, "command", json_string(cmd->name));
    rc = cmd->run(&c);
    json_object_set_new(c.out, "exit", json_integer(rc));
    crd_redis_close(&c.redis);

    if (c.json) {
        text = json_dumps(c.out, JSON_COMPACT);
        (void) printf("%s\n", text ? text : "{}");
        free(text);
    }

    json_decref(c.out);

    if (fflush(stdout) != 0) {
        return CRC_IO;
    }

    return rc;
}
