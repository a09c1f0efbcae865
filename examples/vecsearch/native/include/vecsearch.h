/*
 * vecsearch: exact nearest-neighbor search over float vectors.
 *
 *     vecsearch_index *index = NULL;
 *     float vectors[] = {0, 0,  3, 4,  0, 1};          // three vectors of two values
 *     float query[] = {0, 0};
 *     vecsearch_match nearest[2];
 *     size_t found = 0;
 *
 *     vecsearch_index_create(2, &index);
 *     vecsearch_index_add(index, vectors, 3, NULL);
 *     vecsearch_index_search(index, query, 2, nearest, &found);  // ids 0 and 2, distances 0 and 1
 *     vecsearch_index_free(index);
 *
 * Errors: a call that can fail returns a vecsearch_status. One that fails changes neither the
 * index nor what its arguments point to.
 *
 * Threads: any number of threads may search one index, and ask for its size, at the same time.
 * While one of them adds to it or frees it, no other may use it.
 */
#ifndef VECSEARCH_H
#define VECSEARCH_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a call came to. */
typedef enum vecsearch_status {
    VECSEARCH_OK = 0,
    /* An argument breaks a rule of the function. */
    VECSEARCH_INVALID_ARGUMENT = 1,
    /* There is not enough memory. */
    VECSEARCH_OUT_OF_MEMORY = 2,
    /* The library has a bug; a message about it went to stderr. */
    VECSEARCH_INTERNAL = 3
} vecsearch_status;

/* Vectors of one length, to be searched by distance. */
typedef struct vecsearch_index vecsearch_index;

/* A vector that was found. */
typedef struct vecsearch_match {
    /* Its number: the first vector that was added to the index is 0. */
    uint64_t id;
    /* Its Euclidean distance from the query. */
    float distance;
} vecsearch_match;

/* Returns the library's version, such as "0.3.0". The text is static: do not free it. */
const char *vecsearch_version(void);

/* Returns a status in words. The text is static: do not free it. */
const char *vecsearch_status_text(vecsearch_status status);

/*
 * Makes an empty index for vectors of `dimensions` values, at least 1, and stores it in `*index`.
 * Free it with vecsearch_index_free.
 */
vecsearch_status vecsearch_index_create(size_t dimensions, vecsearch_index **index);

/*
 * Adds `count` vectors: `count * dimensions` values, one vector behind another, none of them NaN
 * or infinite. They are copied. Stores the id of the first in `*first_id`, unless `first_id` is
 * NULL; the ids of the others follow it.
 */
vecsearch_status vecsearch_index_add(vecsearch_index *index, const float *vectors, size_t count,
                                     uint64_t *first_id);

/* Returns how many vectors there are; 0 for NULL. */
size_t vecsearch_index_size(const vecsearch_index *index);

/*
 * Finds the `k` vectors that are nearest to `query`, which has `dimensions` values, none of them
 * NaN or infinite. Stores them in `matches`, which has room for `k` of them, the nearest first and
 * of two at the same distance the one with the lower id. Stores in `*found` how many there are:
 * `k`, or fewer where the index has fewer. `matches` may be NULL where `k` is 0.
 */
vecsearch_status vecsearch_index_search(const vecsearch_index *index, const float *query, size_t k,
                                        vecsearch_match *matches, size_t *found);

/* Frees an index. Does nothing with NULL. */
void vecsearch_index_free(vecsearch_index *index);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* VECSEARCH_H */
