#include <stddef.h>
#include <stdint.h>
typedef int (*large_visit)(uintptr_t handle, uint64_t key, float distance);
size_t large_describe(uint8_t *out, size_t capacity);
int large_search(float at, size_t count, large_visit visit, uintptr_t handle);
