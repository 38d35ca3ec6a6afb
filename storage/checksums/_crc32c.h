/*
 * CRC-32C.  The compiled parts that make or check records include it.
 *
 * It needs the CRC-32C instruction of x86-64 processors; elsewhere the plain forms are used.
 */

#include <stdint.h>
#include <string.h>
#if !defined(__x86_64__) || !defined(__GNUC__)
#error "no CRC-32C instruction is known for this processor"
#endif
#include <nmmintrin.h>

#define POLYNOMIAL 0x82f63b78u /* CRC-32C, reflected */
#define LONG_RUN 4096          /* bytes of each of three runs that are summed side by side */
#define SHORT_RUN 512

#define WITH_CRC __attribute__((target("sse4.2")))

static uint32_t long_shift, long_shift_twice, short_shift, short_shift_twice;

/* The product of two polynomials modulo that of the CRC, all reflected. */
static uint32_t product(uint32_t a, uint32_t b)
{
    uint32_t sum = 0;
    for (uint32_t bit = 1u << 31; bit; bit >>= 1) {
        if (a & bit)
            sum ^= b;
        b = b & 1 ? (b >> 1) ^ POLYNOMIAL : b >> 1;
    }
    return sum;
}

/* What multiplies a CRC when so many zero bytes follow. */
static uint32_t shift_of(uint32_t bytes)
{
    uint32_t power = 1u << 31, square = 1u << 23; /* 1, and x^8 */
    for (; bytes; bytes >>= 1) {
        if (bytes & 1)
            power = product(power, square);
        square = product(square, square);
    }
    return power;
}

WITH_CRC static inline uint64_t word_at(const unsigned char *data)
{
    uint64_t word;
    memcpy(&word, data, 8);
    return word;
}

/* The instruction takes three cycles but starts every cycle: three runs at once are three times as fast. */
WITH_CRC static uint64_t three_runs(uint64_t sum, const unsigned char *data, size_t run, uint32_t once, uint32_t twice)
{
    uint64_t second = 0, third = 0;
    for (size_t place = 0; place < run; place += 8) {
        sum = _mm_crc32_u64(sum, word_at(data + place));
        second = _mm_crc32_u64(second, word_at(data + run + place));
        third = _mm_crc32_u64(third, word_at(data + 2 * run + place));
    }
    return product((uint32_t)sum, twice) ^ product((uint32_t)second, once) ^ third;
}

WITH_CRC static uint32_t crc32c(uint32_t before, const unsigned char *data, size_t length)
{
    uint64_t sum = before ^ 0xffffffffu;
    for (; length >= 3 * LONG_RUN; data += 3 * LONG_RUN, length -= 3 * LONG_RUN)
        sum = three_runs(sum, data, LONG_RUN, long_shift, long_shift_twice);
    for (; length >= 3 * SHORT_RUN; data += 3 * SHORT_RUN, length -= 3 * SHORT_RUN)
        sum = three_runs(sum, data, SHORT_RUN, short_shift, short_shift_twice);
    for (; length >= 8; data += 8, length -= 8)
        sum = _mm_crc32_u64(sum, word_at(data));
    for (; length; data++, length--)
        sum = _mm_crc32_u8((uint32_t)sum, *data);
    return (uint32_t)sum ^ 0xffffffffu;
}

/* Prepares `crc32c`; returns -1, with an exception, where the processor cannot. */
static int begin_checksums(void)
{
    if (!__builtin_cpu_supports("sse4.2")) {
        PyErr_SetString(PyExc_ImportError, "this processor has no CRC-32C instruction");
        return -1;
    }
    long_shift = shift_of(LONG_RUN);
    long_shift_twice = shift_of(2 * LONG_RUN);
    short_shift = shift_of(SHORT_RUN);
    short_shift_twice = shift_of(2 * SHORT_RUN);
    return 0;
}
