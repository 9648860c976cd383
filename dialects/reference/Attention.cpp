//===- Attention.cpp - Attention ------------------------------------------===//

#include "dialects/reference/Attention.h"
#include "dialects/reference/Elementwise.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace qcc::reference {

static double roundedToBf16(double x) {
  Tensor rounded(DType::BF16, {1});
  rounded.setDouble(0, x);
  return rounded.getDouble(0);
}

/// Makes scores what softmax gives, and zeros of a row that sees nothing.
static void softmaxInPlace(std::vector<double> &scores, bool isRounded) {
  constexpr double lowest = -std::numeric_limits<double>::infinity();
  double highest = lowest, sum = 0;
  for (double score : scores)
    highest = std::max(highest, score);
  if (highest == lowest)
    return scores.assign(scores.size(), 0);
  for (double &score : scores)
    sum += score = std::exp(score - highest);
  for (double &score : scores)
    score = (isRounded ? roundedToBf16(score) : score) / sum;
}

Tensor attention(const Tensor &query, const Tensor &key, const Tensor &value, const Tensor *mask,
                 const Tensor *count, double scale, double softcap, DType type) {
  int64_t batch = query.shape[0], queries = query.shape[1], heads = query.shape[2], depth = query.shape[3];
  int64_t keys = key.shape[1], keyHeads = key.shape[2], width = value.shape[3];
  Tensor result(type, {batch, queries, heads, width});
  std::vector<int64_t> masked;
  if (mask)
    masked = broadcastIndices(mask->shape, {batch, heads, queries, keys});
  int64_t present = count ? std::clamp<int64_t>(count->getInt(0), 0, keys) : keys;
  std::vector<double> scores(static_cast<size_t>(present));
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t h = 0; h < heads; ++h)
      for (int64_t i = 0; i < queries; ++i) {
        int64_t row = (b * queries + i) * heads + h, keyHead = h / (heads / keyHeads);
        auto keyRow = [&](int64_t j) { return (b * keys + j) * keyHeads + keyHead; };
        for (int64_t j = 0; j < present; ++j) {
          double dot = 0;
          for (int64_t d = 0; d < depth; ++d)
            dot += query.getDouble(row * depth + d) * key.getDouble(keyRow(j) * depth + d);
          scores[j] = dot * scale;
          if (softcap != 0)
            scores[j] = softcap * std::tanh(scores[j] / softcap);
          if (mask)
            scores[j] += mask->getDouble(masked[((b * heads + h) * queries + i) * keys + j]);
        }
        softmaxInPlace(scores, query.type == DType::BF16);
        for (int64_t d = 0; d < width; ++d) {
          double sum = 0;
          for (int64_t j = 0; j < present; ++j)
            sum += scores[j] * value.getDouble(keyRow(j) * width + d);
          result.setDouble(row * width + d, sum);
        }
      }
  return result;
}

} // namespace qcc::reference
