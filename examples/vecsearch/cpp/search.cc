// Finds the nearest of a thousand vectors, through vecsearch's C interface.

#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include "vecsearch.h"

namespace {

constexpr std::size_t kDimensions = 16;
constexpr std::size_t kVectors = 1000;
constexpr std::size_t kNearest = 3;

struct IndexDeleter {
  void operator()(vecsearch_index* index) const { vecsearch_index_free(index); }
};
using Index = std::unique_ptr<vecsearch_index, IndexDeleter>;

void Check(vecsearch_status status) {
  if (status != VECSEARCH_OK) {
    std::fprintf(stderr, "vecsearch: %s\n", vecsearch_status_text(status));
    std::exit(1);
  }
}

// Gives `count` values from 0 to 1 that look random and are the same on every machine and in the
// Go program beside this one (a linear congruential generator; its upper 24 bits fit a float).
class Values {
 public:
  std::vector<float> Next(std::size_t count) {
    std::vector<float> values(count);
    for (float& value : values) {
      state_ = state_ * 6364136223846793005u + 1442695040888963407u;
      value = static_cast<float>(state_ >> 40) / static_cast<float>(1 << 24);
    }
    return values;
  }

 private:
  std::uint64_t state_ = 42;
};

}  // namespace

int main() {
  vecsearch_index* made = nullptr;
  Check(vecsearch_index_create(kDimensions, &made));
  const Index index(made);

  Values values;
  const std::vector<float> vectors = values.Next(kVectors * kDimensions);
  Check(vecsearch_index_add(index.get(), vectors.data(), kVectors, nullptr));

  const std::vector<float> query = values.Next(kDimensions);
  std::vector<vecsearch_match> nearest(kNearest);
  std::size_t found = 0;
  Check(vecsearch_index_search(index.get(), query.data(), nearest.size(), nearest.data(), &found));
  nearest.resize(found);

  std::printf("vecsearch %s: the %zu nearest of %zu vectors\n", vecsearch_version(), found,
              vecsearch_index_size(index.get()));
  for (const vecsearch_match& match : nearest) {
    std::printf("  vector %3" PRIu64 " at distance %.6f\n", match.id, match.distance);
  }
}
