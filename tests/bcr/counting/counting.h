#ifndef COUNTING_H_
#define COUNTING_H_

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The number of words in a text that ends with a zero byte. */
size_t counting_words(const char *text);

#ifdef __cplusplus
}
#endif

#endif /* COUNTING_H_ */
