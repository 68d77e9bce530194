/* SPDX-License-Identifier: MIT
 *
 * See residue.h. The primes are 2^61 - 1 and 2^61 - 31, so that a reduction is a shift and a
 * multiplication: what lies above bit 61 counts 1 or 31 times. */
#include "bignum/residue.h"

#include <filch/algorithm.h>

#include <string.h>

__extension__ typedef unsigned __int128 wide;

enum { PRIME_BITS = 61, DIGITS = 16 };

/* Of a text: words in a block, so many that combining blocks costs nothing; from how many on there
 * is more to do than a pool takes to begin. */
enum { WORDS = 1024, WORTH_FORKS = 32768 };

/* Likewise of a number, and of a decimal one. */
enum { LIMBS = 8192, UNITS = 1024 };

static const uint64_t prime_mask = (UINT64_C(1) << PRIME_BITS) - 1;
static const uint64_t gap[FI_PRIMES] = {1, 31};
const uint64_t fi_primes[FI_PRIMES] = {(UINT64_C(1) << 61) - 1, (UINT64_C(1) << 61) - 31};

static inline wide fold_once(wide x, int prime)
{
    return (x & prime_mask) + (x >> PRIME_BITS) * gap[prime];
}

/* x < 2^123. Twice folded it is below 2^61 + 2^12. */
static inline uint64_t reduce(wide x, int prime)
{
    x = fold_once(x, prime);
    uint64_t y = ((uint64_t)x & prime_mask) + (uint64_t)(x >> PRIME_BITS) * gap[prime];
    return y >= fi_primes[prime] ? y - fi_primes[prime] : y;
}

static inline uint64_t times(uint64_t a, uint64_t b, int prime)
{
    return reduce((wide)a * b, prime);
}

/* From F(k) and F(k - 1) to F(2k + odd) and the one before; sign is (-1)^k. As in doubling.c. */
static inline void double_pair(uint64_t *f, uint64_t *f1, bool odd, int sign, int prime)
{
    uint64_t p = fi_primes[prime];
    uint64_t x = times(*f, *f, prime), y = times(*f1, *f1, prime);
    uint64_t below = reduce((wide)x + y, prime);
    uint64_t above = reduce((wide)x * 4 + (p - y) + (sign > 0 ? 2 : p - 2), prime);
    uint64_t middle = reduce((wide)above + (p - below), prime);
    *f = odd ? above : middle;
    *f1 = odd ? middle : below;
}

struct fi_residues fi_residues_of_index(uint64_t n, enum fi_sequence sequence)
{
    struct fi_residues f = {{0, 0}}, f1 = {{1, 1}};
    int shift = 0;
    while (n >> shift > 15)
        shift++;
    for (uint64_t k = n >> shift; k > 0; k--) {
        uint64_t sum = f.of[0] + f1.of[0];
        f1.of[0] = f1.of[1] = f.of[0];
        f.of[0] = f.of[1] = sum;
    }
    while (shift-- > 0) {
        bool odd = n >> shift & 1;
        int sign = n >> (shift + 1) & 1 ? -1 : 1;
        for (int i = 0; i < FI_PRIMES; i++)
            double_pair(&f.of[i], &f1.of[i], odd, sign, i);
    }
    if (sequence == FI_LUCAS)
        for (int i = 0; i < FI_PRIMES; i++)
            f.of[i] = reduce((wide)f1.of[i] * 2 + f.of[i], i);
    return f;
}

/* ---- Numbers -------------------------------------------------------------------------------- */

static uint64_t power(uint64_t base, size_t exponent, int prime)
{
    uint64_t product = 1;
    for (; exponent > 0; exponent >>= 1) {
        if (exponent & 1)
            product = times(product, base, prime);
        base = times(base, base, prime);
    }
    return product;
}

/* Places of a number, the lowest first: limbs, or units. */
struct row {
    const mp_limb_t *limbs;
    uint64_t base[FI_PRIMES]; /* of a place */
};

struct stretch {
    struct fi_residues value;
    size_t count; /* of places */
};

static int append_stretch(void *context, void *left, const void *right)
{
    const struct row *row = context;
    struct stretch *a = left;
    const struct stretch *b = right;
    for (int i = 0; i < FI_PRIMES; i++) {
        wide shifted = times(b->value.of[i], power(row->base[i], a->count, i), i);
        a->value.of[i] = reduce(shifted + a->value.of[i], i);
    }
    a->count += b->count;
    return 0;
}

static int fold_limbs(void *context, size_t begin, size_t end, void *accumulator)
{
    const struct row *row = context;
    struct stretch here = {.count = end - begin};
    for (int i = 0; i < FI_PRIMES; i++)
        here.value.of[i] = mpn_mod_1(row->limbs + begin, (mp_size_t)here.count, fi_primes[i]);
    return append_stretch(context, accumulator, &here);
}

/* The powers of 2^64 up to its third. Products with a limb are below 2^125, once folded below 2^70. */
static int fold_units(void *context, size_t begin, size_t end, void *accumulator)
{
    const struct row *row = context;
    struct stretch here = {.count = end - begin};
    for (int i = 0; i < FI_PRIMES; i++) {
        uint64_t limb = reduce((wide)1 << 64, i), limb2 = times(limb, limb, i);
        uint64_t limb3 = times(limb2, limb, i), value = 0;
        for (size_t unit = end; unit-- > begin;) {
            const mp_limb_t *u = row->limbs + unit * UNIT_LIMBS;
            wide sum = fold_once((wide)value * row->base[i], i) + u[0];
            sum += fold_once((wide)u[1] * limb, i) + fold_once((wide)u[2] * limb2, i);
            value = reduce(sum + fold_once((wide)u[3] * limb3, i), i);
        }
        here.value.of[i] = value;
    }
    return append_stretch(context, accumulator, &here);
}

static int residues_of_row(struct row *row, size_t places, size_t grain,
                           int (*fold)(void *, size_t, size_t, void *), struct filch_pool *pool,
                           struct fi_residues *residues)
{
    const struct filch_reduction reduction = {.size = sizeof(struct stretch),
                                              .fold = fold,
                                              .combine = append_stretch};
    const struct filch_loop blocks = {.grain = grain};
    struct stretch whole = {{{0, 0}}, 0};
    int error = filch_reduce(pool, 0, places, &reduction, row, &whole, &blocks);
    *residues = whole.value;
    return error;
}

int fi_residues_of_number(mpz_srcptr number, struct filch_pool *pool,
                          struct fi_residues *residues)
{
    struct row row = {.limbs = mpz_limbs_read(number)};
    for (int i = 0; i < FI_PRIMES; i++)
        row.base[i] = reduce((wide)1 << 64, i);
    return residues_of_row(&row, mpz_size(number), LIMBS, fold_limbs, pool, residues);
}

int fi_residues_of_units(const mp_limb_t *units, size_t count, struct filch_pool *pool,
                         struct fi_residues *residues)
{
    struct row row = {.limbs = units};
    for (int i = 0; i < FI_PRIMES; i++)
        row.base[i] = mpn_mod_1(fi_unit_base, UNIT_LIMBS, fi_primes[i]);
    return residues_of_row(&row, count, UNITS, fold_units, pool, residues);
}

bool fi_residues_equal(struct fi_residues a, struct fi_residues b)
{
    return a.of[0] == b.of[0] && a.of[1] == b.of[1];
}

int fi_residues_check(struct fi_residues is, uint64_t n, enum fi_sequence sequence)
{
    return fi_residues_equal(is, fi_residues_of_index(n, sequence)) ? 0 : FILCH_ECHECK;
}

/* ---- Text ---------------------------------------------------------------------------------- */

/* Digits in blocks of DIGITS; what stands before the first whole one is added by itself. */
struct part {
    struct fi_residues value;
    bool bad;     /* something was no digit */
    size_t words; /* of DIGITS digits */
};

static const uint64_t word_base = UINT64_C(10000000000000000);

/* The values of eight digits, the first one in the lowest byte: pairs, then fours, then all. */
static inline uint64_t eight_digits(uint64_t values)
{
    values = values * 2561 >> 8;
    values = (values & UINT64_C(0x00ff00ff00ff00ff)) * 6553601 >> 16;
    return (values & UINT64_C(0x0000ffff0000ffff)) * UINT64_C(42949672960001) >> 32;
}

/* The highest bit of a byte is set if one of the values is not 0 to 9. */
static inline uint64_t strange(uint64_t values)
{
    return values | (values + UINT64_C(0x7676767676767676));
}

/* Their values; what is no digit becomes anything but 0 to 9. */
static inline uint64_t load(const char *digits)
{
    uint64_t bytes;
    memcpy(&bytes, digits, sizeof bytes);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    bytes = __builtin_bswap64(bytes);
#endif
    return bytes - UINT64_C(0x3030303030303030);
}

/* r 10^16 + word, folded once: below 2^62 if r is, as 31 * 2^(62 + 54 - 61) is little. */
static inline uint64_t append_word(uint64_t r, uint64_t word, int prime)
{
    wide x = (wide)r * word_base + word;
    return ((uint64_t)x & prime_mask) + (uint64_t)(x >> PRIME_BITS) * gap[prime];
}

static int fold(void *context, size_t begin, size_t end, void *accumulator)
{
    const char *digits = context;
    struct part *part = accumulator;
    uint64_t r0 = part->value.of[0], r1 = part->value.of[1], wrong = 0;
    for (size_t i = begin; i < end; i++) {
        uint64_t high = load(digits + i * DIGITS), low = load(digits + i * DIGITS + 8);
        uint64_t word = eight_digits(high) * 100000000 + eight_digits(low);
        wrong |= strange(high) | strange(low);
        r0 = append_word(r0, word, 0);
        r1 = append_word(r1, word, 1);
    }
    part->value = (struct fi_residues){{reduce(r0, 0), reduce(r1, 1)}};
    part->bad |= (wrong & UINT64_C(0x8080808080808080)) != 0;
    part->words += end - begin;
    return 0;
}

static int append(void *context, void *left, const void *right)
{
    struct part *a = left;
    const struct part *b = right;
    (void)context;
    for (int i = 0; i < FI_PRIMES; i++) {
        wide shifted = times(a->value.of[i], power(word_base, b->words, i), i);
        a->value.of[i] = reduce(shifted + b->value.of[i], i);
    }
    a->bad |= b->bad;
    a->words += b->words;
    return 0;
}

int fi_residues_of_text(const char *digits, size_t length, struct filch_pool *pool,
                        struct fi_residues *residues)
{
    static const struct filch_reduction reduction = {.size = sizeof(struct part),
                                                     .fold = fold,
                                                     .combine = append};
    struct part whole = {{{0, 0}}, false, 0}, rest;
    size_t head = length % DIGITS;
    for (size_t i = 0; i < head; i++) {
        unsigned digit = (unsigned char)digits[i] - (unsigned)'0';
        whole.bad |= digit > 9;
        for (int p = 0; p < FI_PRIMES; p++)
            whole.value.of[p] = reduce((wide)whole.value.of[p] * 10 + digit, p);
    }
    static const struct filch_loop blocks = {.grain = WORDS};
    size_t words = length / DIGITS;
    /* The reduction only reads what the context points to. */
    int error = filch_reduce(words >= WORTH_FORKS ? pool : NULL, 0, words, &reduction,
                             (void *)(digits + head), &rest, &blocks);
    if (error)
        return error;
    append(NULL, &whole, &rest);
    *residues = whole.value;
    return whole.bad ? FILCH_ECHECK : 0;
}
