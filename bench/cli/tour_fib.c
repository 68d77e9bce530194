/* SPDX-License-Identifier: MIT
 *
 * The rows of `filch tour` about Fibonacci numbers: the modes, their times, and the numbers.
 * What depends on time asks for an order, not for a number of seconds. */
#include "tour_checks.h"

#include "clock.h"
#include "output.h"
#include "program.h"

#include <filch/pool.h>

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* ---- The modes --------------------------------------------------------------------------- */

/* What the chapter calls them; those that the program does not have are not in its output. */
static const char *const functions[] = {"get_sequential", "get_multi_thread",
                                        "get_multi_process", "get_async"};
enum { FUNCTIONS = sizeof functions / sizeof functions[0] };

enum tour_verdict tour_modes(struct tour_note *note)
{
    struct program_end end;
    int modes = 0;
    if (!tour_run(note, "fib 300000 --jobs 2 --algorithm add --mode all", 0, &end))
        return TOUR_FAILED;
    for (int i = 0; i < FUNCTIONS; i++) {
        double seconds = tour_time(end.err, functions[i]);
        if (seconds >= 0)
            tour_add(note, "%s%s: %.3f s", modes++ ? ", " : "", functions[i], seconds);
    }
    program_free(&end);
    if (modes < 2)
        return TOUR_FAILED;
    if (modes < FUNCTIONS)
        tour_add(note, "; %d of %d modes so far", modes, FUNCTIONS);
    return modes < FUNCTIONS ? TOUR_NOT_YET : TOUR_OK;
}

enum tour_verdict tour_elapsed(struct tour_note *note)
{
    struct program_end end;
    char line[80];
    if (!tour_run(note, "fib 100000 --jobs 1 --algorithm add --mode sequential", 0, &end))
        return TOUR_FAILED;
    tour_line(end.err, 0, line, sizeof line);
    tour_add(note, "%s", line);
    bool good = tour_time(end.err, "get_sequential") > 0;
    program_free(&end);
    return tour_judge(good);
}

/* Does the text consist of `count` times `line`, a newline behind each? */
static bool repeats(const char *text, const char *line, int count)
{
    size_t length = strlen(line);
    for (; count > 0; count--) {
        if (strncmp(text, line, length) != 0 || text[length] != '\n')
            return false;
        text += length + 1;
    }
    return *text == '\0';
}

enum tour_verdict tour_sequential(struct tour_note *note)
{
    struct filch_sizing sizing;
    struct program_end end;
    if (filch_sizing_read(NULL, &sizing) != 0 ||
        !tour_run(note, "fib 90 --mode sequential", 0, &end))
        return TOUR_FAILED;
    bool good = repeats(end.out, "2880067194370816120", sizing.workers);
    double seconds = tour_time(end.err, "get_sequential");
    tour_add(note, "F(90), %d lines for %d processors, get_sequential: %.6f",
             (int)(end.length / 20), sizing.workers, seconds);
    program_free(&end);
    return tour_judge(good && seconds >= 0);
}

/* Runs one mode once more; *best: the best time so far, -1 before the first. Returns false, and
 * there is a note, if it fails. */
static bool improve(struct tour_note *note, const char *line, const char *function,
                    double *best)
{
    struct program_end end;
    if (!tour_run(note, line, 0, &end))
        return false;
    double seconds = tour_time(end.err, function);
    if (*best < 0 || seconds < *best)
        *best = seconds;
    program_free(&end);
    return seconds >= 0;
}

enum { BURN_NS = 50 * 1000 * 1000 };

static void *burn(void *unused)
{
    uint64_t start = clock_read(CLOCK_THREAD_CPUTIME_ID);
    while (clock_read(CLOCK_THREAD_CPUTIME_ID) - start < BURN_NS)
        ;
    return unused;
}

/* What two plain threads take side by side, as a share of what they would one after another:
 * that is what this machine has to give at the moment, whoever asks. */
static double plain_share(void)
{
    pthread_t other;
    uint64_t start = clock_now();
    if (pthread_create(&other, NULL, burn, NULL) != 0)
        return 1;
    burn(NULL);
    pthread_join(other, NULL);
    return (double)(clock_now() - start) / (2.0 * BURN_NS);
}

enum tour_verdict tour_threads(struct tour_note *note)
{
    /* At most so many rounds, until threads take the share of the time that they should. */
    enum { ROUNDS = 4 };
    static const double wanted = 0.7;
    double one = -1, all = -1, plain = 0;
    struct filch_sizing sizing;
    if (filch_sizing_read(NULL, &sizing) != 0 || sizing.workers < 2) {
        tour_add(note, "one processor has nothing to gain");
        return TOUR_SKIPPED;
    }
    for (int i = 0; i < ROUNDS && (i == 0 || all > wanted * one); i++) {
        if (!improve(note, "fib 200000 --jobs 2 --algorithm add --mode sequential --quiet",
                     functions[0], &one) ||
            !improve(note, "fib 200000 --jobs 2 --algorithm add --mode threads --quiet",
                     functions[1], &all))
            return TOUR_FAILED;
        double share = plain_share();
        plain = share > plain ? share : plain;
    }
    tour_add(note,
             "2 times F(200,000): get_sequential: %.3f s, get_multi_thread: %.3f s, %.2f of it",
             one, all, all / one);
    if (all < one)
        return TOUR_OK;
    if (plain <= wanted)
        return TOUR_FAILED;
    tour_add(note, "; others are at work: plain threads take %.2f, too", plain);
    return TOUR_SKIPPED;
}

/* ---- Fibonacci numbers ------------------------------------------------------------------- */

/* How a number is checked: by its SHA-256 if there is a program for it, or by addition. */
enum proof { PROOF_WRONG, PROOF_DIGEST, PROOF_ADDITION };

static enum proof prove_by_addition(struct tour_note *note, const char *n,
                                    const struct program_end *number)
{
    struct program_end sum;
    char line[80];
    snprintf(line, sizeof line, "fib %s --algorithm add", n);
    if (!tour_run(note, line, 0, &sum))
        return PROOF_WRONG;
    bool same = strcmp(sum.out, number->out) == 0;
    program_free(&sum);
    return same ? PROOF_ADDITION : PROOF_WRONG;
}

static enum proof prove(struct tour_note *note, const char *n, const char *digest,
                        const struct program_end *number)
{
    char *argv[] = {(char[]){"sha256sum"}, NULL};
    struct program_end end;
    if (program_run(argv, number->out, number->length, &end) != 0)
        return prove_by_addition(note, n, number);
    bool good = end.code == 0 && strncmp(end.out, digest, strlen(digest)) == 0;
    program_free(&end);
    return good ? PROOF_DIGEST : PROOF_WRONG;
}

/* A word that is no N ends in a usage error. */
static bool is_refused(struct tour_note *note, const char *line)
{
    struct program_end end;
    if (!tour_run(note, line, 2, &end))
        return false;
    bool silent = end.length == 0;
    program_free(&end);
    return silent;
}

enum tour_verdict tour_fibonacci(struct tour_note *note)
{
    static const struct {
        const char *n, *digest;
    } numbers[] = {{"0", "9a271f2a"},      {"1", "4355a46b"},
                   {"93", "1b5882b1"},     {"94", "b5d28fa6"},
                   {"1000", "a7c08fc8"},   {"10000", "fa5492a1"},
                   {"100000", "b7480e1f"}, {"1000000", "4910cacc5301426acb02007430c3fc38"}};
    enum { NUMBERS = sizeof numbers / sizeof numbers[0] };
    enum proof proof = PROOF_WRONG;
    size_t digits = 0;
    for (int i = 0; i < NUMBERS; i++) {
        struct program_end number;
        char line[40];
        snprintf(line, sizeof line, "fib %s", numbers[i].n);
        if (!tour_run(note, line, 0, &number))
            return TOUR_FAILED;
        proof = prove(note, numbers[i].n, numbers[i].digest, &number);
        digits = number.length - 1;
        program_free(&number);
        if (proof == PROOF_WRONG) {
            tour_add(note, "F(%s) is wrong", numbers[i].n);
            return TOUR_FAILED;
        }
    }
    tour_add(note, "%d numbers as %s says, F(1,000,000): %s digits", NUMBERS,
             proof == PROOF_DIGEST ? "sha256sum" : "addition", output_grouped(digits).text);
    if (!is_refused(note, "fib -1") || !is_refused(note, "fib abc"))
        return TOUR_FAILED;
    tour_add(note, "; -1 and abc end with 2");
    return tour_judge(digits == 208988);
}
