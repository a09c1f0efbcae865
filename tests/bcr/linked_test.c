#include <stdio.h>
#include <string.h>

#include "counting.h"
#include "greeting.h"

int main(void) {
  size_t words = counting_words(greeting());
  printf("%s: %d words\n", greeting(), (int)words);
  return strcmp(greeting(), "hello from a verified file") == 0 && words == 5 ? 0 : 1;
}
