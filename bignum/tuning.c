/* SPDX-License-Identifier: MIT
 *
 * See tuning.h. */
#include "bignum/tuning.h"

struct fi_tuning fi_tuning = {
    .doubling_from = 2000000,
    .forks_from = 2000000,
    .decimal_from = 40000,
    .decimal_forks_from = 900000,
    .check_from = 300000,
    .text_check_from = 600000,
    .modulo_forks_from = 2000,
    .split_from = 10000,
    .split_workers = 3,
};
