/* SPDX-License-Identifier: MIT
 *
 * Is this built with AddressSanitizer or ThreadSanitizer? Both replace malloc(), map terabytes at
 * once and make a program slow. */
#ifndef FILCH_TESTS_SANITIZED_H
#define FILCH_TESTS_SANITIZED_H

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

#endif
