#include "fletcher.h"

uint16_t fletcher16(const uint8_t *data, size_t size) {
  uint32_t low = 0;
  uint32_t high = 0;
  for (size_t at = 0; at < size; at++) {
    low = (low + data[at]) % 255;
    high = (high + low) % 255;
  }
  return (uint16_t)(high << 8 | low);
}
