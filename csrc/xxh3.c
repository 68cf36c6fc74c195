/* XXH3-128 with seed 0 and the default secret, written from the algorithm description
 * "xxHash fast digest algorithm" (Cyan4973/xxHash, doc/xxhash_spec.md). */
#include "internal.h"

#define PRIME32_2 UINT64_C(0x85EBCA77)
#define PRIME32_3 UINT64_C(0xC2B2AE3D)
#define PRIME64_1 UINT64_C(0x9E3779B185EBCA87)
#define PRIME64_2 UINT64_C(0xC2B2AE3D27D4EB4F)
#define PRIME64_3 UINT64_C(0x165667B19E3779F9)
#define PRIME64_4 UINT64_C(0x85EBCA77C2B2AE63)
#define PRIME64_5 UINT64_C(0x27D4EB2F165667C5)
#define PRIME_MX1 UINT64_C(0x165667919E3779F9)
#define PRIME_MX2 UINT64_C(0x9FB21C651E98DF25)

const uint8_t sf_xxh3_secret[192] = {
    0xb8, 0xfe, 0x6c, 0x39, 0x23, 0xa4, 0x4b, 0xbe, 0x7c, 0x01, 0x81, 0x2c, 0xf7, 0x21, 0xad, 0x1c,
    0xde, 0xd4, 0x6d, 0xe9, 0x83, 0x90, 0x97, 0xdb, 0x72, 0x40, 0xa4, 0xa4, 0xb7, 0xb3, 0x67, 0x1f,
    0xcb, 0x79, 0xe6, 0x4e, 0xcc, 0xc0, 0xe5, 0x78, 0x82, 0x5a, 0xd0, 0x7d, 0xcc, 0xff, 0x72, 0x21,
    0xb8, 0x08, 0x46, 0x74, 0xf7, 0x43, 0x24, 0x8e, 0xe0, 0x35, 0x90, 0xe6, 0x81, 0x3a, 0x26, 0x4c,
    0x3c, 0x28, 0x52, 0xbb, 0x91, 0xc3, 0x00, 0xcb, 0x88, 0xd0, 0x65, 0x8b, 0x1b, 0x53, 0x2e, 0xa3,
    0x71, 0x64, 0x48, 0x97, 0xa2, 0x0d, 0xf9, 0x4e, 0x38, 0x19, 0xef, 0x46, 0xa9, 0xde, 0xac, 0xd8,
    0xa8, 0xfa, 0x76, 0x3f, 0xe3, 0x9c, 0x34, 0x3f, 0xf9, 0xdc, 0xbb, 0xc7, 0xc7, 0x0b, 0x4f, 0x1d,
    0x8a, 0x51, 0xe0, 0x4b, 0xcd, 0xb4, 0x59, 0x31, 0xc8, 0x9f, 0x7e, 0xc9, 0xd9, 0x78, 0x73, 0x64,
    0xea, 0xc5, 0xac, 0x83, 0x34, 0xd3, 0xeb, 0xc3, 0xc5, 0x81, 0xa0, 0xff, 0xfa, 0x13, 0x63, 0xeb,
    0x17, 0x0d, 0xdd, 0x51, 0xb7, 0xf0, 0xda, 0x49, 0xd3, 0x16, 0x55, 0x26, 0x29, 0xd4, 0x68, 0x9e,
    0x2b, 0x16, 0xbe, 0x58, 0x7d, 0x47, 0xa1, 0xfc, 0x8f, 0xf8, 0xb8, 0xd1, 0x7a, 0xd0, 0x31, 0xce,
    0x45, 0xcb, 0x3a, 0x8f, 0x95, 0x16, 0x04, 0x28, 0xaf, 0xd7, 0xfb, 0xca, 0xbb, 0x4b, 0x40, 0x7e,
};

static uint64_t secret64(size_t offset)
{
    return sf_load64(sf_xxh3_secret + offset);
}

static uint64_t secret32(size_t offset)
{
    return sf_load32(sf_xxh3_secret + offset);
}

static uint64_t avalanche(uint64_t x)
{
    x = (x ^ (x >> 37)) * PRIME_MX1;
    return x ^ (x >> 32);
}

static uint64_t avalanche_xxh64(uint64_t x)
{
    x = (x ^ (x >> 33)) * PRIME64_2;
    x = (x ^ (x >> 29)) * PRIME64_3;
    return x ^ (x >> 32);
}

static sf_key multiply(uint64_t x, uint64_t y)
{
    unsigned __int128 product = (unsigned __int128)x * y;
    return (sf_key){(uint64_t)(product >> 64), (uint64_t)product};
}

static uint64_t multiply_fold(uint64_t x, uint64_t y)
{
    sf_key product = multiply(x, y);
    return product.high ^ product.low;
}

static sf_key empty_input(void)
{
    return (sf_key){avalanche_xxh64(secret64(80) ^ secret64(88)),
                    avalanche_xxh64(secret64(64) ^ secret64(72))};
}

static sf_key input_1_to_3(const uint8_t *data, size_t bytes)
{
    uint32_t combined = (uint32_t)data[bytes - 1] | (uint32_t)bytes << 8 | (uint32_t)data[0] << 16 |
                        (uint32_t)data[bytes >> 1] << 24;
    uint32_t swapped = __builtin_bswap32(combined);
    uint32_t rotated = swapped << 13 | swapped >> 19;
    return (sf_key){avalanche_xxh64((secret32(8) ^ secret32(12)) ^ rotated),
                    avalanche_xxh64((secret32(0) ^ secret32(4)) ^ combined)};
}

static sf_key input_4_to_8(const uint8_t *data, size_t bytes)
{
    uint64_t combined = sf_load32(data) | (uint64_t)sf_load32(data + bytes - 4) << 32;
    uint64_t value = (secret64(16) ^ secret64(24)) ^ combined;
    sf_key key = multiply(value, PRIME64_1 + (bytes << 2));
    key.high += key.low << 1;
    key.low ^= key.high >> 3;
    key.low = (key.low ^ (key.low >> 35)) * PRIME_MX2;
    key.low ^= key.low >> 28;
    key.high = avalanche(key.high);
    return key;
}

static sf_key input_9_to_16(const uint8_t *data, size_t bytes)
{
    uint64_t first = sf_load64(data), last = sf_load64(data + bytes - 8);
    uint64_t value1 = (secret64(32) ^ secret64(40)) ^ first ^ last;
    uint64_t value2 = (secret64(48) ^ secret64(56)) ^ last;
    sf_key key = multiply(value1, PRIME64_1);
    key.low += (uint64_t)(bytes - 1) << 54;
    key.high += value2 + (value2 & UINT32_MAX) * (PRIME32_2 - 1);
    key.low ^= __builtin_bswap64(key.high);
    sf_key product = multiply(key.low, PRIME64_2);
    product.high += key.high * PRIME64_2;
    return (sf_key){avalanche(product.high), avalanche(product.low)};
}

static uint64_t mix_step(const uint8_t *data, size_t secret_offset)
{
    return multiply_fold(sf_load64(data) ^ secret64(secret_offset),
                         sf_load64(data + 8) ^ secret64(secret_offset + 8));
}

static void mix_two(uint64_t acc[2], const uint8_t *data1, const uint8_t *data2,
                    size_t secret_offset)
{
    acc[0] += mix_step(data1, secret_offset);
    acc[1] += mix_step(data2, secret_offset + 16);
    acc[0] ^= sf_load64(data2) + sf_load64(data2 + 8);
    acc[1] ^= sf_load64(data1) + sf_load64(data1 + 8);
}

static sf_key input_17_to_240(const uint8_t *data, size_t bytes)
{
    uint64_t acc[2] = {bytes * PRIME64_1, 0};
    if (bytes <= 128) {
        for (size_t i = ((bytes - 1) >> 5) + 1; i-- > 0;)
            mix_two(acc, data + i * 16, data + bytes - i * 16 - 16, i * 32);
    } else {
        for (size_t i = 0; i < 4; i++)
            mix_two(acc, data + i * 32, data + i * 32 + 16, i * 32);
        acc[0] = avalanche(acc[0]);
        acc[1] = avalanche(acc[1]);
        for (size_t i = 4; i < bytes >> 5; i++)
            mix_two(acc, data + i * 32, data + i * 32 + 16, (i - 4) * 32 + 3);
        mix_two(acc, data + bytes - 16, data + bytes - 32, 103);
    }
    uint64_t high = acc[0] * PRIME64_1 + acc[1] * PRIME64_4 + bytes * PRIME64_2;
    return (sf_key){0 - avalanche(high), avalanche(acc[0] + acc[1])};
}

static uint64_t final_merge(const uint64_t acc[8], uint64_t start, size_t secret_offset)
{
    for (size_t i = 0; i < 8; i += 2)
        start += multiply_fold(acc[i] ^ secret64(secret_offset + i * 8),
                               acc[i + 1] ^ secret64(secret_offset + i * 8 + 8));
    return avalanche(start);
}

static sf_key input_over_240(const sf_kernel *kernel, const uint8_t *data, size_t bytes)
{
    uint64_t acc[8] = {PRIME32_3, PRIME64_1, PRIME64_2, PRIME64_3,
                       PRIME64_4, PRIME32_2, PRIME64_5, SF_XXH3_PRIME32_1};
    kernel->accumulate(acc, data, bytes);
    return (sf_key){final_merge(acc, ~(bytes * PRIME64_2), sizeof sf_xxh3_secret - 75),
                    final_merge(acc, bytes * PRIME64_1, 11)};
}

sf_key sf_fingerprint(const sf_kernel *kernel, const uint8_t *data, size_t bytes)
{
    if (bytes > 240)
        return input_over_240(kernel, data, bytes);
    if (bytes > 16)
        return input_17_to_240(data, bytes);
    if (bytes > 8)
        return input_9_to_16(data, bytes);
    if (bytes > 3)
        return input_4_to_8(data, bytes);
    if (bytes > 0)
        return input_1_to_3(data, bytes);
    return empty_input();
}

void sf_canonical(sf_key key, uint8_t digest[16])
{
    for (unsigned i = 0; i < 8; i++) {
        digest[i] = (uint8_t)(key.high >> (56 - 8 * i));
        digest[8 + i] = (uint8_t)(key.low >> (56 - 8 * i));
    }
}
