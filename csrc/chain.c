/* The key of a whole file: a chain over the fingerprints of its blocks and the lengths of its gaps. */
#include "internal.h"

static void fold_gap(sf_chain *chain, const sf_kernel *kernel)
{
    if (chain->gap_bytes == 0)
        return;
    uint8_t message[16 + 4 + 8];
    memcpy(message, chain->digest, 16);
    memcpy(message + 16, "hole", 4);
    for (unsigned i = 0; i < 8; i++)
        message[20 + i] = (uint8_t)(chain->gap_bytes >> (8 * i));
    sf_canonical(sf_fingerprint(kernel, message, sizeof message), chain->digest);
    chain->gap_bytes = 0;
}

sf_error sf_chain_gap(sf_chain *chain, uint64_t gap_bytes)
{
    uint64_t together;
    if (__builtin_add_overflow(chain->gap_bytes, gap_bytes, &together))
        return SF_ERROR_OVERFLOW;
    chain->gap_bytes = together;
    return SF_OK;
}

void sf_chain_block(sf_chain *chain, const sf_kernel *kernel, sf_key block)
{
    fold_gap(chain, kernel);
    uint8_t message[16 + 16];
    memcpy(message, chain->digest, 16);
    sf_canonical(block, message + 16);
    sf_canonical(sf_fingerprint(kernel, message, sizeof message), chain->digest);
}

sf_key sf_chain_key(sf_chain *chain, const sf_kernel *kernel)
{
    fold_gap(chain, kernel);
    sf_key key = {0, 0};
    for (unsigned i = 0; i < 8; i++) {
        key.high = key.high << 8 | chain->digest[i];
        key.low = key.low << 8 | chain->digest[8 + i];
    }
    return key;
}
