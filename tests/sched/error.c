/* SPDX-License-Identifier: MIT */
#include <filch/error.h>
#include <filch/version.h>

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

Test(error, every_code_has_a_name_and_a_text_of_its_own)
{
    static const int codes[] = {
#define CODE(name, value, text) name,
        FILCH_ERRORS(CODE)
#undef CODE
    };
    int count = sizeof codes / sizeof *codes;

    for (int i = 0; i < count; i++) {
        cr_assert(codes[i] < 0);
        cr_assert_eq(strncmp(filch_error_name(codes[i]), "FILCH_E", 7), 0);
        for (int j = 0; j < i; j++) {
            cr_assert_neq(codes[i], codes[j]);
            cr_assert_str_neq(filch_strerror(codes[i]), filch_strerror(codes[j]));
        }
    }
}

Test(error, success_and_unknown_codes_have_texts)
{
    cr_assert_str_eq(filch_strerror(0), "success");
    cr_assert_str_eq(filch_strerror(1), "unknown error");
    cr_assert_str_eq(filch_strerror(-9999), "unknown error");
    cr_assert_null(filch_error_name(0));
    cr_assert_null(filch_error_name(-9999));
}

Test(error, the_library_has_the_version_of_its_header)
{
    char version[32];
    snprintf(version, sizeof version, "%d.%d.%d", FILCH_VERSION_MAJOR, FILCH_VERSION_MINOR,
             FILCH_VERSION_PATCH);
    cr_assert_str_eq(filch_version(), version);
}
