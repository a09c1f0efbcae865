#include "counting.h"

size_t counting_words(const char *text) {
  size_t words = 0;
  char before = ' ';
  for (; *text != '\0'; before = *text++) {
    words += before == ' ' && *text != ' ';
  }
  return words;
}
