/* SPDX-License-Identifier: MIT
 *
 * The texts of the error table, and the version. */
#include <filch/error.h>
#include <filch/version.h>

#include <stddef.h>

#define DOTTED(a, b, c)  DOTTED2(a, b, c)
#define DOTTED2(a, b, c) #a "." #b "." #c

const char *filch_strerror(int code)
{
    switch (code) {
    case 0:
        return "success";
#define CASE(name, value, text) \
    case name:                  \
        return text;
        FILCH_ERRORS(CASE)
#undef CASE
    default:
        return "unknown error";
    }
}

const char *filch_error_name(int code)
{
    switch (code) {
#define CASE(name, value, text) \
    case name:                  \
        return #name;
        FILCH_ERRORS(CASE)
#undef CASE
    default:
        return NULL;
    }
}

const char *filch_version(void)
{
    return DOTTED(FILCH_VERSION_MAJOR, FILCH_VERSION_MINOR, FILCH_VERSION_PATCH);
}
