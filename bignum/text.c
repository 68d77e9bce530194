/* SPDX-License-Identifier: MIT
 *
 * F(n) in decimal: by doubling in decimal (decimal.h), which spares the conversion, or, where n is
 * small or beyond that, as a number that GMP converts. */
#include "bignum/text.h"

#include "bignum/decimal.h"
#include "bignum/fib.h"
#include "bignum/residue.h"
#include "bignum/small.h"
#include "bignum/tuning.h"

#include <stdlib.h>
#include <string.h>

enum { FIXED_BYTES = 768 };

/* Of the time of a text that GMP converts, what doubling takes. */
static const double number_part = 0.15;

static bool in_decimal(uint64_t n, enum filch_fib_algorithm algorithm)
{
    if (n > FI_DECIMAL_MAX_N || algorithm > FILCH_FIB_DOUBLING)
        return false;
    return n >= fi_tuning.decimal_from || algorithm == FILCH_FIB_DOUBLING;
}

uint64_t filch_fib_memory(uint64_t n, enum filch_fib_form form,
                          const struct filch_fib_options *options)
{
    static const struct filch_fib_options defaults;
    if (!options)
        options = &defaults;
    if (fi_check_range(n))
        return UINT64_MAX;
    if (form == FILCH_FIB_NUMBER)
        return fi_number_memory(n, options);
    if (!in_decimal(n, options->algorithm))
        return n + FIXED_BYTES; /* the most that was seen is 0.93: README.md */
    return fi_decimal_memory(n, options->pool);
}

/* Returns 0, with a job whose memory is claimed, or an error. */
static int begin(struct fi_job *job, uint64_t n, enum filch_fib_form form,
                 const struct filch_fib_options *options)
{
    int error = fi_check_range(n);
    if (!error)
        error = fi_job_init(job, options);
    if (error)
        return error;
    if (n < fi_tuning.decimal_forks_from)
        job->options.pool = NULL;
    error = fi_job_claim(job, filch_fib_memory(n, form, &job->options));
    if (error && job->options.pool) {
        job->options.pool = NULL;
        error = fi_job_claim(job, filch_fib_memory(n, form, &job->options));
    }
    return error;
}

static int end(struct fi_job *job, int error)
{
    fi_job_release(job);
    if (!error)
        fi_job_done(job);
    return error;
}

static bool is_checked(const struct fi_job *job, uint64_t n)
{
    return !job->options.unchecked && n >= fi_tuning.text_check_from;
}

int fi_check_text(const char *digits, size_t length, uint64_t n, struct filch_pool *pool)
{
    struct fi_residues is;
    int error = fi_residues_of_text(digits, length, pool, &is);
    return error ? error : fi_residues_check(is, n, FI_FIBONACCI);
}

/* As fi_decimal_fib(). */
static int convert(uint64_t n, struct fi_job *job, char **digits, size_t *length)
{
    mpz_t f;
    if (job->options.algorithm != FILCH_FIB_ADD)
        job->part = number_part;
    int error = fi_compute(f, n, FI_FIBONACCI, job);
    if (error)
        return error;
    /* Room for a sign and the NUL, as mpz_get_str() asks for. From malloc(), whatever GMP's
     * own allocator is, so that the caller can use free(). */
    char *text = malloc(mpz_sizeinbase(f, 10) + 2);
    if (text) {
        mpz_get_str(text, 10, f);
        *length = strlen(text);
        *digits = text;
    } else {
        error = FILCH_ENOMEM;
    }
    mpz_clear(f);
    return error;
}

static int write_small(uint64_t n, char **digits, size_t *length)
{
    mp_limb_t f[FI_SMALL_LIMBS];
    unsigned char values[FI_SMALL_LIMBS * 20]; /* 19.3 digits a limb */
    mp_size_t limbs = fi_small_fib(n, f);
    size_t count = 1, zeros = 0;
    values[0] = 0;
    if (n > 0)
        count = mpn_get_str(values, 10, f, limbs);
    while (zeros + 1 < count && values[zeros] == 0)
        zeros++;
    count -= zeros;
    char *text = malloc(count + 1);
    if (!text)
        return FILCH_ENOMEM;
    for (size_t i = 0; i < count; i++)
        text[i] = (char)('0' + values[zeros + i]);
    text[count] = '\0';
    *digits = text;
    *length = count;
    return 0;
}

/* Checked, in a job that has begun. */
static int make_text(uint64_t n, struct fi_job *job, char **digits, size_t *length)
{
    int error;
    if (n <= FI_SMALL_MAX && job->options.algorithm == FILCH_FIB_AUTO) {
        fi_job_report(job, 0.0);
        return write_small(n, digits, length);
    }
    if (in_decimal(n, job->options.algorithm)) {
        error = fi_decimal_fib(n, job->options.pool, fi_job_stopped, fi_job_report, job, digits,
                               length);
    } else {
        error = convert(n, job, digits, length);
    }
    if (error || !is_checked(job, n))
        return error;
    error = fi_check_text(*digits, *length, n, job->options.pool);
    if (error)
        free(*digits);
    return error;
}

int filch_fib_string(char **text, size_t *length, uint64_t n,
                     const struct filch_fib_options *options)
{
    struct fi_job job;
    int error = begin(&job, n, FILCH_FIB_STRING, options);
    if (error)
        return error;
    char *digits;
    size_t count;
    error = make_text(n, &job, &digits, &count);
    if (!error) {
        *text = digits;
        if (length)
            *length = count;
    }
    return end(&job, error);
}

/* ---- Printing -------------------------------------------------------------------------------- */

struct printer {
    struct fi_job *job;
    FILE *stream;
};

static int put(FILE *stream, const char *digits, size_t count)
{
    return fwrite(digits, 1, count, stream) == count ? 0 : FILCH_EIO;
}

static int print_block(void *context, const char *digits, size_t count)
{
    return put(((struct printer *)context)->stream, digits, count);
}

static bool printer_stopped(void *context)
{
    return fi_job_stopped(((struct printer *)context)->job);
}

static void printer_done(void *context, double share)
{
    fi_job_report(((struct printer *)context)->job, share);
}

static int print_decimal(FILE *stream, uint64_t n, struct fi_job *job)
{
    struct printer printer = {.job = job, .stream = stream};
    return fi_decimal_write(n, job->options.pool, is_checked(job, n), printer_stopped,
                            printer_done, print_block, &printer);
}

int filch_fib_print(FILE *stream, uint64_t n, const struct filch_fib_options *options)
{
    struct fi_job job;
    int error = begin(&job, n, FILCH_FIB_PRINT, options);
    if (error)
        return error;
    if (in_decimal(n, job.options.algorithm)) {
        error = print_decimal(stream, n, &job);
    } else {
        char *digits;
        size_t length;
        error = make_text(n, &job, &digits, &length);
        if (!error) {
            error = put(stream, digits, length);
            free(digits);
        }
    }
    return end(&job, error);
}
