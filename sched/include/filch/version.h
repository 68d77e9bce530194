/* SPDX-License-Identifier: MIT
 *
 * The version of filch, in one place: the build system reads these three numbers too. */
#ifndef FILCH_VERSION_H
#define FILCH_VERSION_H

#include <filch/base.h>

#define FILCH_VERSION_MAJOR 0
#define FILCH_VERSION_MINOR 1
#define FILCH_VERSION_PATCH 0

FILCH_BEGIN_DECLS

/* Any thread, does not block. The version of the library that is linked, "MAJOR.MINOR.PATCH";
 * the macros above are that of the header. A static string. */
FILCH_API const char *filch_version(void);

FILCH_END_DECLS

#endif
