// Prints the Fletcher-16 checksum of a text.
#include <cstdint>
#include <cstdio>
#include <cstring>

#include "fletcher.h"

int main(int count, char **words) {
  const char *text = count > 1 ? words[1] : "abcde";
  const auto *bytes = reinterpret_cast<const std::uint8_t *>(text);
  std::printf("%s: %04x\n", text, static_cast<unsigned>(fletcher16(bytes, std::strlen(text))));
}
