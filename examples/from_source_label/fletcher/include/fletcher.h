#ifndef FLETCHER_H
#define FLETCHER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The Fletcher-16 checksum (RFC 1146) of `size` bytes at `data`. */
uint16_t fletcher16(const uint8_t *data, size_t size);

#ifdef __cplusplus
}
#endif

#endif
