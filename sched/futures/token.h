/* SPDX-License-Identifier: MIT
 *
 * Tokens: a flag and a deadline each, and a way up. The public side is filch/cancel.h. */
#ifndef FI_TOKEN_H
#define FI_TOKEN_H

#include <filch/cancel.h>

/* Any thread. As filch_token_cancelled(). A task without a token (NULL) costs no call. */
static inline bool fi_token_is_cancelled(const struct filch_token *token)
{
    return token && filch_token_cancelled(token);
}

#endif
