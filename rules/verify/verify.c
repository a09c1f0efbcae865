/* Compares files with the SHA-256 that a lock names: the action that stands before whatever uses a prebuilt.
 *
 *     verify @PARAMETERS
 *
 * PARAMETERS is a file of lines: the file to write when all is right, what to call the library, the command that repairs
 * it, and then, for each file, its SHA-256 and its path. It exits with 1 if a file differs, and names each.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#endif

enum { BLOCK = 64, DIGEST = 32, CHUNK = 1 << 18 };

/* FIPS 180-4, section 4.2.2. */
static const uint32_t K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotate(uint32_t word, int bits) { return word >> bits | word << (32 - bits); }

/* One round of FIPS 180-4, section 6.2.2; the next one has its words' names moved on by one. */
#define ROUND(a, b, c, d, e, f, g, h, t)                                                                          \
  h += (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + (g ^ (e & (f ^ g))) + K[t] + w[t];                        \
  d += h;                                                                                                         \
  h += (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) | (c & (a | b)));

static void compress_plainly(uint32_t state[8], const unsigned char *data, size_t blocks) {
  for (; blocks; blocks--, data += BLOCK) {
    uint32_t w[64];
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
    for (int t = 0; t < 16; t++) {
      const unsigned char *at = data + 4 * t;
      w[t] = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
    }
    for (int t = 16; t < 64; t++) {
      uint32_t s0 = rotate(w[t - 15], 7) ^ rotate(w[t - 15], 18) ^ w[t - 15] >> 3;
      uint32_t s1 = rotate(w[t - 2], 17) ^ rotate(w[t - 2], 19) ^ w[t - 2] >> 10;
      w[t] = w[t - 16] + s0 + w[t - 7] + s1;
    }
    for (int t = 0; t < 64; t += 8) {
      ROUND(a, b, c, d, e, f, g, h, t)
      ROUND(h, a, b, c, d, e, f, g, t + 1)
      ROUND(g, h, a, b, c, d, e, f, t + 2)
      ROUND(f, g, h, a, b, c, d, e, t + 3)
      ROUND(e, f, g, h, a, b, c, d, t + 4)
      ROUND(d, e, f, g, h, a, b, c, t + 5)
      ROUND(c, d, e, f, g, h, a, b, t + 6)
      ROUND(b, c, d, e, f, g, h, a, t + 7)
    }
    state[0] += a, state[1] += b, state[2] += c, state[3] += d;
    state[4] += e, state[5] += f, state[6] += g, state[7] += h;
  }
}

/* The processor's own instructions are several times as fast, where it has them. */
#if defined(WITHOUT_HARDWARE)
/* For a test of the above on a processor that has them. */
#elif (defined(__x86_64__) && defined(__GNUC__)) || (defined(_M_X64) && defined(_MSC_VER))
#define HARDWARE
#ifdef __GNUC__
/* immintrin.h takes half a second to compile, which every first build would wait for. */
#include <cpuid.h>
#include <smmintrin.h>
#define WITH_HARDWARE __attribute__((target("sha,sse4.1")))
#define SHA256_MSG1(a, b) ((__m128i)__builtin_ia32_sha256msg1((__v4si)(a), (__v4si)(b)))
#define SHA256_MSG2(a, b) ((__m128i)__builtin_ia32_sha256msg2((__v4si)(a), (__v4si)(b)))
#define SHA256_ROUNDS(a, b, c) ((__m128i)__builtin_ia32_sha256rnds2((__v4si)(a), (__v4si)(b), (__v4si)(c)))
#else
#include <immintrin.h>
#include <intrin.h>
#define WITH_HARDWARE
#define SHA256_MSG1 _mm_sha256msg1_epu32
#define SHA256_MSG2 _mm_sha256msg2_epu32
#define SHA256_ROUNDS _mm_sha256rnds2_epu32
#endif

static int has_hardware(void) {
  unsigned a, b, c, d;
#ifdef __GNUC__
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(b >> 29 & 1)) {
    return 0;
  }
  return __get_cpuid(1, &a, &b, &c, &d) && c >> 19 & 1;
#else
  int found[4];
  (void)a, (void)b, (void)c, (void)d;
  __cpuid(found, 0);
  if (found[0] < 7) {
    return 0;
  }
  __cpuidex(found, 7, 0);
  if (!(found[1] >> 29 & 1)) {
    return 0;
  }
  __cpuid(found, 1);
  return found[2] >> 19 & 1;
#endif
}

WITH_HARDWARE static void compress_by_hardware(uint32_t state[8], const unsigned char *data, size_t blocks) {
  const __m128i big_endian = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
  /* The instructions want the words in the orders ABEF and CDGH, the first one highest. */
  __m128i abef = _mm_set_epi32((int)state[0], (int)state[1], (int)state[4], (int)state[5]);
  __m128i cdgh = _mm_set_epi32((int)state[2], (int)state[3], (int)state[6], (int)state[7]);
  for (; blocks; blocks--, data += BLOCK) {
    const __m128i abef_before = abef, cdgh_before = cdgh;
    __m128i w[16];
    for (int i = 0; i < 4; i++) {
      w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(data + 16 * i)), big_endian);
    }
    for (int i = 4; i < 16; i++) {
      __m128i sum = _mm_add_epi32(SHA256_MSG1(w[i - 4], w[i - 3]), _mm_alignr_epi8(w[i - 1], w[i - 2], 4));
      w[i] = SHA256_MSG2(sum, w[i - 1]);
    }
    for (int i = 0; i < 16; i++) {
      __m128i two = _mm_add_epi32(w[i], _mm_loadu_si128((const __m128i *)(K + 4 * i)));
      cdgh = SHA256_ROUNDS(cdgh, abef, two);
      abef = SHA256_ROUNDS(abef, cdgh, _mm_shuffle_epi32(two, 0x0E));
    }
    abef = _mm_add_epi32(abef, abef_before);
    cdgh = _mm_add_epi32(cdgh, cdgh_before);
  }
  state[0] = (uint32_t)_mm_extract_epi32(abef, 3);
  state[1] = (uint32_t)_mm_extract_epi32(abef, 2);
  state[4] = (uint32_t)_mm_extract_epi32(abef, 1);
  state[5] = (uint32_t)_mm_extract_epi32(abef, 0);
  state[2] = (uint32_t)_mm_extract_epi32(cdgh, 3);
  state[3] = (uint32_t)_mm_extract_epi32(cdgh, 2);
  state[6] = (uint32_t)_mm_extract_epi32(cdgh, 1);
  state[7] = (uint32_t)_mm_extract_epi32(cdgh, 0);
}

#elif defined(__aarch64__) && (defined(__linux__) || defined(__APPLE__)) && (!defined(__clang__) || __clang_major__ >= 16)
#define HARDWARE
#include <arm_neon.h>
#ifdef __linux__
#include <sys/auxv.h>
#endif
#if defined(__ARM_FEATURE_SHA2)
#define WITH_HARDWARE
#elif defined(__clang__)
#define WITH_HARDWARE __attribute__((target("sha2")))
#else
#define WITH_HARDWARE __attribute__((target("+crypto")))
#endif

static int has_hardware(void) {
#ifdef __linux__
  return getauxval(AT_HWCAP) >> 6 & 1; /* HWCAP_SHA2 */
#else
  return 1;
#endif
}

WITH_HARDWARE static void compress_by_hardware(uint32_t state[8], const unsigned char *data, size_t blocks) {
  uint32x4_t abcd = vld1q_u32(state), efgh = vld1q_u32(state + 4);
  for (; blocks; blocks--, data += BLOCK) {
    const uint32x4_t abcd_before = abcd, efgh_before = efgh;
    uint32x4_t w[16];
    for (int i = 0; i < 4; i++) {
      w[i] = vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(data + 16 * i)));
    }
    for (int i = 4; i < 16; i++) {
      w[i] = vsha256su1q_u32(vsha256su0q_u32(w[i - 4], w[i - 3]), w[i - 2], w[i - 1]);
    }
    for (int i = 0; i < 16; i++) {
      uint32x4_t four = vaddq_u32(w[i], vld1q_u32(K + 4 * i)), before = abcd;
      abcd = vsha256hq_u32(abcd, efgh, four);
      efgh = vsha256h2q_u32(efgh, before, four);
    }
    abcd = vaddq_u32(abcd, abcd_before);
    efgh = vaddq_u32(efgh, efgh_before);
  }
  vst1q_u32(state, abcd);
  vst1q_u32(state + 4, efgh);
}
#endif

static void compress(uint32_t state[8], const unsigned char *data, size_t blocks) {
#ifdef HARDWARE
  static int hardware = -1;
  if (hardware < 0) {
    hardware = has_hardware();
  }
  if (hardware) {
    compress_by_hardware(state, data, blocks);
    return;
  }
#endif
  compress_plainly(state, data, blocks);
}

/* Opens a file whose name is UTF-8, on every system. */
static FILE *open_file(const char *path, const char *mode) {
#ifdef _WIN32
  wchar_t wide[32768], wide_mode[4];
  if (!MultiByteToWideChar(CP_UTF8, 0, path, -1, wide, 32768) || !MultiByteToWideChar(CP_UTF8, 0, mode, -1, wide_mode, 4)) {
    return NULL;
  }
  return _wfopen(wide, wide_mode);
#else
  return fopen(path, mode);
#endif
}

/* Ends with what failed and for which file. */
static void fail(const char *what, const char *path) {
  fprintf(stderr, "cannot %s %s\n", what, path);
  exit(2);
}

/* Writes the SHA-256 of a file, as hex digits. */
static void hash_file(const char *path, char hex[2 * DIGEST + 1]) {
  static unsigned char chunk[CHUNK];
  uint32_t state[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  uint64_t size = 0;
  size_t got;
  FILE *file = open_file(path, "rb");
  if (!file) {
    fail("open", path);
  }
  setvbuf(file, NULL, _IONBF, 0);
  /* fread gives less than was asked for at the end only. */
  while ((got = fread(chunk, 1, CHUNK, file)) == CHUNK) {
    compress(state, chunk, CHUNK / BLOCK);
    size += CHUNK;
  }
  if (ferror(file)) {
    fail("read", path);
  }
  fclose(file);
  size += got;
  size_t whole = got / BLOCK, rest = got % BLOCK;
  compress(state, chunk, whole);
  /* FIPS 180-4, section 5.1.1: a bit, zeros, and the size in bits. */
  unsigned char end[2 * BLOCK] = {0};
  memcpy(end, chunk + whole * BLOCK, rest);
  end[rest] = 0x80;
  size_t blocks = rest < BLOCK - 8 ? 1 : 2;
  for (int i = 0; i < 8; i++) {
    end[blocks * BLOCK - 1 - i] = (unsigned char)(size * 8 >> 8 * i);
  }
  compress(state, end, blocks);
  for (int i = 0; i < 8; i++) {
    snprintf(hex + 8 * i, 9, "%08x", (unsigned)state[i]);
  }
}

/* Reads a text file; its memory is the caller's. */
static char *read_text(const char *path) {
  size_t size = 0, room = 1 << 16, got;
  char *text = malloc(room);
  FILE *file = open_file(path, "rb");
  if (!file || !text) {
    fail("open", path);
  }
  while ((got = fread(text + size, 1, room - size - 1, file)) > 0) {
    size += got;
    if (room - size == 1 && !(text = realloc(text, room *= 2))) {
      fail("read", path);
    }
  }
  if (ferror(file)) {
    fail("read", path);
  }
  fclose(file);
  text[size] = 0;
  return text;
}

/* The next line, without its end; NULL behind the last one. */
static char *next_line(char **rest) {
  char *line = *rest;
  if (!*line) {
    return NULL;
  }
  char *end = line + strcspn(line, "\n");
  *rest = *end ? end + 1 : end;
  *end = 0;
  if (end > line && end[-1] == '\r') {
    end[-1] = 0;
  }
  return line;
}

int main(int argc, char **argv) {
  if (argc != 2 || argv[1][0] != '@') {
    fprintf(stderr, "usage: verify @PARAMETERS\n");
    return 2;
  }
  char *parameters = read_text(argv[1] + 1), *rest = parameters;
  const char *output = next_line(&rest), *release = next_line(&rest), *repair = next_line(&rest);
  const char *locked, *path;
  int changed = 0;
  if (!repair) {
    fail("understand", argv[1]);
  }
  while ((locked = next_line(&rest)) && (path = next_line(&rest))) {
    char found[2 * DIGEST + 1];
    hash_file(path, found);
    if (strcmp(found, locked)) {
      if (!changed++) {
        fprintf(stderr, "%s is not what its lock names: it was changed after it was fetched\n", release);
      }
      fprintf(stderr, "  at: %s\n    its sha256:   %s\n    in the lock:  %s\n", path, found, locked);
    }
  }
  if (changed) {
    fprintf(stderr, "  next: %s\n", repair);
    free(parameters);
    return 1;
  }
  FILE *file = open_file(output, "wb");
  if (!file || fputs("/* All files are those that the lock names. */\n", file) < 0 || fclose(file)) {
    fail("write", output);
  }
  free(parameters);
  return 0;
}
