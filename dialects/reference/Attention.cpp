//===- Attention.cpp - Attention ------------------------------------------===//

#include "dialects/reference/Attention.h"
#include "dialects/reference/Elementwise.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace qcc::reference {

/// Makes scores what softmax gives; a row without any finite score becomes NaN.
static void softmaxInPlace(std::vector<double> &scores) {
  double highest = -std::numeric_limits<double>::infinity(), sum = 0;
  for (double score : scores)
    highest = std::max(highest, score);
  for (double &score : scores)
    sum += score = std::exp(score - highest);
  for (double &score : scores)
    score /= sum;
}

Tensor attention(const Tensor &query, const Tensor &key, const Tensor &value, const Tensor *mask,
                 double scale) {
  int64_t batch = query.shape[0], queries = query.shape[1], heads = query.shape[2], depth = query.shape[3];
  int64_t keys = key.shape[1], width = value.shape[3];
  Tensor result(query.type, {batch, queries, heads, width});
  std::vector<int64_t> masked;
  if (mask)
    masked = broadcastIndices(mask->shape, {batch, heads, queries, keys});
  std::vector<double> scores(static_cast<size_t>(keys));
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t h = 0; h < heads; ++h)
      for (int64_t i = 0; i < queries; ++i) {
        int64_t row = (b * queries + i) * heads + h;
        for (int64_t j = 0; j < keys; ++j) {
          double dot = 0;
          for (int64_t d = 0; d < depth; ++d)
            dot += query.getDouble(row * depth + d) * key.getDouble(((b * keys + j) * heads + h) * depth + d);
          scores[j] = dot * scale;
          if (mask)
            scores[j] += mask->getDouble(masked[((b * heads + h) * queries + i) * keys + j]);
        }
        softmaxInPlace(scores);
        for (int64_t d = 0; d < width; ++d) {
          double sum = 0;
          for (int64_t j = 0; j < keys; ++j)
            sum += scores[j] * value.getDouble(((b * keys + j) * heads + h) * width + d);
          result.setDouble(row * width + d, sum);
        }
      }
  return result;
}

} // namespace qcc::reference
