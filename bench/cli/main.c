/* SPDX-License-Identifier: MIT
 *
 * The filch program: finds the subcommand, or prints what there is. What a subcommand does is
 * in the file of its name. */
#include "args.h"
#include "command.h"
#include "output.h"

#include <filch/version.h>

#include <stdio.h>
#include <string.h>

static const struct command *const commands[] = {
    &command_chapter, &command_fib,   &command_counter, &command_futures,
    &command_tour,    &command_bench, &command_info,
};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

static const struct command *find(const char *name)
{
    for (int i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

static const char intro[] =
    "usage: filch COMMAND [ARGUMENTS]\n"
    "       filch help [COMMAND] | --help | --version\n"
    "\n"
    "filch is a work-stealing task scheduler for C; this program runs work on it.\n";

static int print_help(void)
{
    output_printf("%s\ncommands:\n", intro);
    for (int i = 0; i < COMMANDS; i++)
        output_printf("  %-9s %s\n", commands[i]->name, commands[i]->summary);
    output_printf("\nenvironment:\n"
                  "  FILCH_WORKERS  the default number of workers, from 1 to 1024\n"
                  "\n"
                  "exit codes: 0 done, 1 failed, 2 the command line is wrong\n");
    return COMMAND_OK;
}

static int print_command_help(const struct command *command)
{
    output_printf("usage: filch %s%s%s\n\n%s", command->name, *command->synopsis ? " " : "",
                  command->synopsis, command->help);
    return COMMAND_OK;
}

static int unknown(const char *name)
{
    return args_complain("", "unknown %s \"%s\"", name[0] == '-' ? "option" : "command", name);
}

static int help(int argc, char **argv)
{
    if (argc == 0)
        return print_help();
    if (!args_at_most("", 1, argc, argv))
        return COMMAND_USAGE;
    const struct command *command = find(argv[0]);
    return command ? print_command_help(command) : unknown(argv[0]);
}

/* `--help` anywhere before `--` asks for help, whatever else the line says. */
static bool asks_for_help(int argc, char **argv)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

static int run(int argc, char **argv)
{
    if (argc == 0) {
        fputs(intro, stderr);
        return COMMAND_USAGE;
    }
    const char *name = argv[0];
    argc--;
    argv++;
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        return print_help();
    if (strcmp(name, "help") == 0)
        return help(argc, argv);
    if (strcmp(name, "--version") == 0) {
        if (!args_at_most("", 0, argc, argv))
            return COMMAND_USAGE;
        output_printf("filch %s\n", filch_version());
        return COMMAND_OK;
    }
    const struct command *command = find(name);
    if (!command)
        return unknown(name);
    return asks_for_help(argc, argv) ? print_command_help(command) : command->run(argc, argv);
}

int main(int argc, char **argv)
{
    output_init();
    return output_finish(argc > 0 ? run(argc - 1, argv + 1) : run(0, argv));
}
