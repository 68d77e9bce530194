/* SPDX-License-Identifier: MIT
 *
 * See args.h. getopt_long() is not used: it neither checks numbers nor says what an option
 * takes, and it accepts abbreviations, so that a new option could change what an old line
 * means. */
#include "args.h"

#include "command.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

int args_complain(const char *command, const char *fmt, ...)
{
    va_list list;
    fprintf(stderr, "filch%s%s: ", *command ? " " : "", command);
    va_start(list, fmt);
    vfprintf(stderr, fmt, list);
    va_end(list);
    fprintf(stderr, "\nSee `filch help%s%s`.\n", *command ? " " : "", command);
    return COMMAND_USAGE;
}

bool args_digits(const char *text, uint64_t *value)
{
    uint64_t sum = 0;
    if (!*text)
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return false;
        uint64_t digit = (uint64_t)(*text - '0');
        if (sum > (UINT64_MAX - digit) / 10)
            return false;
        sum = sum * 10 + digit;
    }
    *value = sum;
    return true;
}

bool args_number(const char *command, const char *name, const char *text, uint64_t min,
                 uint64_t max, uint64_t *value)
{
    uint64_t number;
    if (args_digits(text, &number) && number >= min && number <= max) {
        *value = number;
        return true;
    }
    args_complain(command, "%s must be a whole number from %llu to %llu, not \"%s\"", name,
                  (unsigned long long)min, (unsigned long long)max, text);
    return false;
}

bool args_at_most(const char *command, int wanted, int operands, char **argv)
{
    if (operands <= wanted)
        return true;
    args_complain(command, "unexpected argument \"%s\"", argv[wanted]);
    return false;
}

/* At least 1. Says nothing. */
static bool size_of(const char *text, uint64_t *size)
{
    static const char suffixes[] = "KMGT";
    char digits[24];
    size_t length = strlen(text);
    const char *suffix = length ? strchr(suffixes, text[length - 1]) : NULL;
    int shift = suffix ? 10 * (int)(suffix - suffixes + 1) : 0;
    if (suffix)
        length--;
    if (length >= sizeof digits)
        return false;
    memcpy(digits, text, length);
    digits[length] = '\0';
    uint64_t number;
    if (!args_digits(digits, &number) || number == 0 || number > UINT64_MAX >> shift)
        return false;
    *size = number << shift;
    return true;
}

static bool read_size(const char *command, const struct args_option *option, const char *value)
{
    if (size_of(value, option->to.number))
        return true;
    args_complain(command, "%s must be a size such as 500M or 2G, not \"%s\"", option->name,
                  value);
    return false;
}

static bool read_choice(const char *command, const struct args_option *option,
                        const char *value)
{
    char list[160] = "";
    size_t used = 0;
    for (int i = 0; option->choices[i]; i++) {
        if (strcmp(option->choices[i], value) == 0) {
            *option->to.choice = i;
            return true;
        }
        const char *between = i == 0 ? "" : option->choices[i + 1] ? ", " : " or ";
        int length =
            snprintf(list + used, sizeof list - used, "%s%s", between, option->choices[i]);
        used += (size_t)length;
        if (used >= sizeof list)
            used = sizeof list - 1;
    }
    args_complain(command, "%s must be %s, not \"%s\"", option->name, list, value);
    return false;
}

static bool read_value(const char *command, const struct args_option *option, const char *value)
{
    switch (option->kind) {
    case ARGS_NUMBER:
        return args_number(command, option->name, value, option->min, option->max,
                           option->to.number);
    case ARGS_SIZE:
        return read_size(command, option, value);
    case ARGS_CHOICE:
        return read_choice(command, option, value);
    case ARGS_TEXT:
        *option->to.text = value;
        return true;
    case ARGS_FLAG:
        break;
    }
    return false;
}

/* "a whole number from 1 to 9", for an option whose value is missing. */
static void complain_missing(const char *command, const struct args_option *option)
{
    if (option->kind == ARGS_NUMBER)
        args_complain(command, "%s takes a whole number from %llu to %llu, and none is given",
                      option->name, (unsigned long long)option->min,
                      (unsigned long long)option->max);
    else
        args_complain(command, "%s takes %s, and none is given", option->name,
                      option->takes ? option->takes : "a value");
}

/* The option that `arg` names, with *value behind its '=' or NULL; NULL if there is none. */
static const struct args_option *find(const struct args_option *options, const char *arg,
                                      const char **value)
{
    const char *equals = strchr(arg, '=');
    size_t length = equals ? (size_t)(equals - arg) : strlen(arg);
    *value = equals ? equals + 1 : NULL;
    for (; options->name; options++)
        if (strlen(options->name) == length && strncmp(options->name, arg, length) == 0)
            return options;
    return NULL;
}

static bool is_option(const char *arg)
{
    return arg[0] == '-' && arg[1] != '\0' && !(arg[1] >= '0' && arg[1] <= '9');
}

int args_parse(const char *command, const struct args_option *options, int argc, char **argv)
{
    int operands = 0;
    for (int i = 0; i < argc; i++) {
        char *arg = argv[i];
        if (strcmp(arg, "--") == 0) {
            while (++i < argc)
                argv[operands++] = argv[i];
            break;
        }
        if (!is_option(arg)) {
            argv[operands++] = arg;
            continue;
        }
        const char *value;
        const struct args_option *option = find(options, arg, &value);
        if (!option) {
            args_complain(command, "unknown option \"%s\"", arg);
            return -1;
        }
        if (option->kind == ARGS_FLAG) {
            if (value) {
                args_complain(command, "%s takes no value, but \"%s\" is given", option->name,
                              value);
                return -1;
            }
            *option->to.flag = true;
            continue;
        }
        if (!value && i + 1 < argc)
            value = argv[++i];
        if (!value) {
            complain_missing(command, option);
            return -1;
        }
        if (!read_value(command, option, value))
            return -1;
    }
    return operands;
}
