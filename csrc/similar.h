/* Similar chunks: features of a chunk's content, and a sketch of whole groups of chunks that share
 * one. */
#ifndef STOREFF_SIMILAR_H
#define STOREFF_SIMILAR_H

#include "internal.h"

/* ---- features ---- */

/* A window is 32 bytes. It is a sample if the hash of its first eight, h = (v0 + 5 * v1) * a mod
 * 2^32 of their two words, is at least SF_SAMPLED_FROM read as signed: 1 of 128 windows, and none of
 * zeros, whose hash is 0. Content-defined sampling after W. Xia et al., "The Design of
 * Fast and Lightweight Resemblance Detection for Efficient Post-Deduplication Delta Compression"
 * (Odess), ACM TOS 19(3), 2023. */
#define SF_WINDOW_BYTES ((size_t)32)
#define SF_SAMPLED_FROM INT32_C(0x7E000000)
/* Where in a mask of 64 windows each one's bit is, and which one's bit is where: registers hold
 * every fourth window. */
#define SF_MASK_BIT(window) (16 * ((window) % 4) + (window) / 4)
#define SF_MASK_WINDOW(bit) (4 * ((bit) % 16) + (bit) / 16)
/* The smallest hash of the samples in each of 16 classes of their hashes (one permutation hashing:
 * P. Li, A. Owen, C.-H. Zhang, NIPS 2012), where N transforms would hash each sample N times. */
#define SF_FEATURES 16
#define SF_NO_FEATURE UINT32_MAX

/* Two chunks agree in `group`, the smallest hash of all their samples, with a probability that is
 * the share of their samples that they have in common (A. Broder, "On the resemblance and
 * containment of documents", 1997), and in each feature likewise. */
typedef struct {
    uint64_t group;
    uint32_t features[SF_FEATURES];
} sf_features;

/* 0 if no window of `data` is a sample. */
int sf_features_of(const sf_kernel *kernel, const uint8_t *data, size_t bytes,
                   sf_features *features);

/* ---- sketch: whole groups ---- */

/* A distinct chunk, and the first of its places in the order of (file, offset). */
typedef struct {
    uint64_t rank; /* of its group, below SF_RANKS */
    uint64_t group;
    sf_key key;
    uint64_t size, count; /* bytes; references */
    uint64_t beyond;      /* the first of its group: references to members that were left out */
    uint64_t file, offset;
    uint32_t features[SF_FEATURES];
} sf_member;

_Static_assert(sizeof(sf_member) == 136 && offsetof(sf_member, features) == 72,
               "sf_member: the fields above without padding");

#define SF_RANKS (UINT64_C(1) << 63)
/* What is kept of a group: its members of smallest key, this many. The rest are counted. */
#define SF_GROUP_MEMBERS ((size_t)64)
#define SF_SIMILAR_CAPACITY_MAX ((size_t)1 << 24)

/* The groups of lowest rank, as many as have `capacity` kept members together. The rank of a group
 * is drawn at random from its name, so a group is kept with the probability tau / SF_RANKS, where
 * tau is the rank of the first that does not fit: it would be the same wherever below it a kept
 * group ranked (D. Ting, "Adaptive threshold sampling", SIGMOD 2022), so no kept group says
 * anything about another. What is kept does not depend on the order of the chunks. */
sf_error sf_similar_new(sf_similar **similar, size_t capacity, uint64_t seed);
void sf_similar_free(sf_similar *similar);
/* One reference to a chunk; the file's name and where in it the chunk begins. A chunk without a
 * sample is a group of its own, named by its key. */
sf_error sf_similar_add(sf_similar *similar, const sf_kernel *kernel, sf_key key,
                        const uint8_t *data, size_t bytes, uint64_t file, uint64_t offset);
/* Takes over the members that another sketch of the same capacity and seed kept under its tau. */
sf_error sf_similar_merge(sf_similar *similar, const sf_member *members, size_t count,
                           uint64_t tau);
/* The members in the order of (rank, group, key, size), and tau: SF_RANKS if nothing was dropped. */
const sf_member *sf_similar_members(sf_similar *similar, size_t *count, uint64_t *tau);
/* The files of the members taken in since the last call, in the order met; at most one entry for
 * each run of chunks of one file. */
const uint64_t *sf_similar_files(sf_similar *similar, size_t *count);

/* From now on the scanner hands every chunk of this chunker, which cuts by content or in blocks that
 * are not made of others, to `similar`; NULL: no longer. */
sf_error sf_set_similar(sf_scanner *scanner, size_t chunker, sf_similar *similar);

#endif
