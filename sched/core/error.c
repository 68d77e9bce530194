/* SPDX-License-Identifier: MIT
 *
 * The texts of the error table, and the version. */
#include <filch/error.h>
#include <filch/version.h>

#include <stddef.h>

#define TEXT(x)  TEXT2(x)
#define TEXT2(x) #x

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
    return TEXT(FILCH_VERSION_MAJOR) "." TEXT(FILCH_VERSION_MINOR) "." TEXT(
        FILCH_VERSION_PATCH);
}
