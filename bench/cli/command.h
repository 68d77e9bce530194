/* SPDX-License-Identifier: MIT
 *
 * What a subcommand of the filch program is: main.c holds the table of them, each has a file of
 * its own. Exit codes: 0 done, 1 something failed, 2 the command line is wrong. Results go to
 * stdout, through output.h; everything said about them goes to stderr. */
#ifndef BENCH_CLI_COMMAND_H
#define BENCH_CLI_COMMAND_H

enum command_exit {
    COMMAND_OK = 0,
    COMMAND_FAILED = 1,
    COMMAND_USAGE = 2,
};

struct command {
    const char *name;
    const char *synopsis; /* its arguments, as in "N [--jobs J]" */
    const char *summary;  /* half a line, for the list of commands */
    const char *help;     /* the rest of `filch help NAME`, whole lines */
    /* argv: the arguments behind the name; may be reordered. Returns an exit code. */
    int (*run)(int argc, char **argv);
};

extern const struct command command_bench;
extern const struct command command_chapter;
extern const struct command command_counter;
extern const struct command command_fib;
extern const struct command command_futures;
extern const struct command command_info;
extern const struct command command_tour;

#endif
