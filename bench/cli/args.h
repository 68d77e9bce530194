/* SPDX-License-Identifier: MIT
 *
 * Strict command lines. A number is a whole number in decimal digits and nothing else, within
 * its range; every complaint names the argument, what it takes and what was given. Options are
 * `--name VALUE` or `--name=VALUE`, anywhere on the line; `--` ends them; of an option given
 * twice the last counts. An argument such as -1 is an operand, so that the complaint about it
 * names what it stands for. */
#ifndef BENCH_CLI_ARGS_H
#define BENCH_CLI_ARGS_H

#include <stdbool.h>
#include <stdint.h>

#include <filch/base.h>

enum args_kind {
    ARGS_FLAG,   /* no value; sets *flag */
    ARGS_NUMBER, /* min to max; sets *number */
    ARGS_SIZE,   /* bytes from 1 on, or as in 2G, a power of 1024; sets *number */
    ARGS_CHOICE, /* one of choices, a NULL-terminated list; sets *choice to its index */
    ARGS_TEXT,   /* anything; sets *text. takes: for the complaint, as in "a file name" */
};

struct args_option {
    const char *name; /* with its dashes; NULL ends a list of options */
    enum args_kind kind;
    uint64_t min, max;
    const char *const *choices;
    const char *takes;
    union {
        bool *flag;
        uint64_t *number;
        int *choice;
        const char **text;
    } to;
};

/* Reads the options of `filch COMMAND` and moves the operands to the front of argv. Returns
 * their number, or -1 after a complaint on stderr. */
int args_parse(const char *command, const struct args_option *options, int argc, char **argv);

/* Is `text` digits only, and does it fit into *value? Says nothing. */
bool args_digits(const char *text, uint64_t *value);

/* Reads the number `text`, given for `name`. Returns false after a complaint. */
bool args_number(const char *command, const char *name, const char *text, uint64_t min,
                 uint64_t max, uint64_t *value);

/* Complains on stderr: "filch COMMAND: ...", and where the help is. Returns COMMAND_USAGE. */
int args_complain(const char *command, const char *fmt, ...) FILCH_PRINTF(2, 3);

/* The usual complaint when there are more operands than `wanted`. Returns false after it. */
bool args_at_most(const char *command, int wanted, int operands, char **argv);

#endif
