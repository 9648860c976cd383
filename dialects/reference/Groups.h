//===- Groups.h - Weights in groups along the depth (q13) -------*- C++ -*-===//
#ifndef QCC_DIALECTS_REFERENCE_GROUPS_H
#define QCC_DIALECTS_REFERENCE_GROUPS_H

#include "dialects/reference/Integer.h"
#include "dialects/reference/Tensor.h"

#include <algorithm>

namespace qcc::reference {

/// What is summed exactly before it is scaled, whatever share a scale.
constexpr int64_t groupDepth = 32;

/// The sum over groups of indices, in order and each step rounded to float32, of
/// float(the exact sum of `product(k)`) * `scale(k)`, where a group has one scale.
template <typename Product, typename Scale> float sumOfGroups(int64_t depth, Product product, Scale scale) {
  float sum = 0;
  for (int64_t first = 0; first < depth; first += groupDepth) {
    int64_t exact = 0;
    for (int64_t k = first; k < std::min(first + groupDepth, depth); ++k)
      exact += product(k);
    float term = static_cast<float>(exact) * scale(first);
    sum += term;
  }
  return sum;
}

/// Scales and zero points of a tensor's elements: `index` says for each which of `params` it has.
struct Groups {
  std::vector<QuantParams> params;
  std::vector<int64_t> index;
};

/// A measured row, `x(k)` with scale and zero point, times the weights whose elements are `element(k)`.
template <typename Row, typename Element>
float productInGroups(int64_t depth, Row x, int32_t zero, float rowScale, const Tensor &weights,
                      const Groups &groups, Element element) {
  auto params = [&](int64_t k) -> const QuantParams & { return groups.params[groups.index[element(k)]]; };
  auto weight = [&](int64_t k) { return weights.getInt(element(k)) - params(k).zeroPoint; };
  auto scale = [&](int64_t k) { return params(k).scale; };
  float sum = sumOfGroups(depth, [&](int64_t k) { return x(k) * weight(k); }, scale);
  float shift = static_cast<float>(zero) * sumOfGroups(depth, weight, scale);
  float real = sum - shift;
  return real * rowScale;
}

} // namespace qcc::reference

#endif // QCC_DIALECTS_REFERENCE_GROUPS_H
