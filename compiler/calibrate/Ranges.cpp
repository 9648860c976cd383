//===- Ranges.cpp - Choosing a range and its scale ------------------------===//

#include "compiler/calibrate/Ranges.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace qcc::calibrate;
using qcc::quantize::chooseParams;
using qcc::quantize::QuantParams;

static constexpr int levels = 256;

static constexpr struct {
  Method method;
  const char *name;
} methods[] = {{Method::MinMax, "minmax"},
               {Method::Entropy, "entropy"},
               {Method::Percentile, "percentile"},
               {Method::MSE, "mse"},
               {Method::L3, "l3"}};

const char *qcc::calibrate::methodName(Method method) {
  for (const auto &row : methods)
    if (row.method == method)
      return row.name;
  return "";
}

std::optional<Method> qcc::calibrate::methodOfName(std::string_view name) {
  for (const auto &row : methods)
    if (name == row.name)
      return row.method;
  return std::nullopt;
}

namespace {

/// A histogram as (value, count) pairs at the centres of its non-empty bins,
/// which stay inside [min, max].
struct Points {
  std::vector<double> values, counts;
  double lo, hi;
  size_t zero = SIZE_MAX; ///< the point that real 0 belongs to, if it is one

  explicit Points(const Histogram &histogram)
      : lo(std::min(histogram.min(), 0.0f)), hi(std::max(histogram.max(), 0.0f)) {
    double width = histogram.binWidth();
    for (size_t k = 0; k < histogram.bins().size(); ++k) {
      if (!histogram.bins()[k])
        continue;
      int64_t index = histogram.first() + static_cast<int64_t>(k);
      double centre = (static_cast<double>(index) + 0.5) * width;
      zero = index == 0 ? values.size() : zero;
      values.push_back(std::clamp(centre, lo, hi));
      counts.push_back(static_cast<double>(histogram.bins()[k]));
    }
  }

  /// Sum of |x - quantised x|^power.
  double error(QuantParams params, int power) const {
    double scale = params.scale, zero = params.zeroPoint, sum = 0;
    for (size_t i = 0; i < values.size(); ++i) {
      double q = std::clamp(std::nearbyint(values[i] / scale) + zero, 0.0, levels - 1.0);
      double difference = std::fabs(values[i] - (q - zero) * scale);
      sum += counts[i] * difference * difference * (power == 3 ? difference : 1.0);
    }
    return sum;
  }

  Range scaled(double low, double high) const {
    return {static_cast<float>(lo * low), static_cast<float>(hi * high)};
  }
};

/// The least error over pairs of shrink factors: a coarse grid, then a fine one
/// around its best pair. Of equal errors the wider range wins.
class ErrorSearch {
public:
  ErrorSearch(const Points &points, int power) : points(points), power(power) {}

  Range run() {
    grid(1.0, 1.0, 0.05, 16, 0);
    double low = bestLow, high = bestHigh;
    grid(low, high, 0.01, 4, 4);
    return points.scaled(bestLow, bestHigh);
  }

private:
  /// Tries `down` steps below the two factors and `up` above, in all pairs; an
  /// end that is 0 has no factor.
  void grid(double low, double high, double step, int down, int up) {
    bool hasLow = points.lo < 0, hasHigh = points.hi > 0;
    for (int i = hasLow ? -up : 0; i <= (hasLow ? down : 0); ++i)
      for (int j = hasHigh ? -up : 0; j <= (hasHigh ? down : 0); ++j)
        consider(low - i * step, high - j * step);
  }

  void consider(double low, double high) {
    if (low > 1 + 1e-9 || high > 1 + 1e-9)
      return;
    double error = points.error(chooseParams(points.scaled(low, high)), power);
    if (error >= best)
      return;
    best = error;
    bestLow = low;
    bestHigh = high;
  }

  const Points &points;
  int power;
  double best = std::numeric_limits<double>::infinity();
  double bestLow = 1, bestHigh = 1;
};

/// Kullback-Leibler divergence of the values saturated to `params`' interval from
/// the same values quantised: each level's count is spread evenly over its
/// non-empty bins. Without the bin of 0, which every scale has exactly and which
/// half of all values may lie in: it would ask for ever narrower levels.
double divergence(const Points &points, QuantParams params) {
  struct Level {
    double inside = 0, outside = 0, bins = 0;
    size_t edge = 0; ///< the bin that what lies outside is saturated to
  };
  std::vector<Level> levelsOf(levels);
  std::vector<int> levelAt(points.values.size(), -1);
  double kept = 0, total = 0;
  for (size_t i = 0; i < points.values.size(); ++i) {
    if (i == points.zero)
      continue;
    double q = std::nearbyint(points.values[i] / params.scale) + params.zeroPoint;
    bool fits = q >= 0 && q <= levels - 1;
    Level &level = levelsOf[static_cast<size_t>(std::clamp(q, 0.0, levels - 1.0))];
    (fits ? level.inside : level.outside) += points.counts[i];
    total += points.counts[i];
    if (!fits)
      continue;
    kept += points.counts[i];
    levelAt[i] = static_cast<int>(q);
    // Ascending values: the first bin of level 0, the last one of the last level.
    if (q > 0 || !level.bins)
      level.edge = i;
    ++level.bins;
  }
  double sum = 0;
  for (size_t i = 0; i < points.values.size(); ++i) {
    if (levelAt[i] < 0)
      continue;
    const Level &level = levelsOf[static_cast<size_t>(levelAt[i])];
    double p = (points.counts[i] + (i == level.edge ? level.outside : 0)) / total;
    sum += p * std::log(p * kept * level.bins / level.inside);
  }
  return kept > 0 ? sum : std::numeric_limits<double>::infinity();
}

Range entropyRange(const Points &points) {
  double best = std::numeric_limits<double>::infinity(), bestFactor = 1;
  for (int i = 0; i <= 80; ++i) {
    double factor = 1.0 - i * 0.01;
    double value = divergence(points, chooseParams(points.scaled(factor, factor)));
    if (value < best) {
      best = value;
      bestFactor = factor;
    }
  }
  return points.scaled(bestFactor, bestFactor);
}

/// Cuts whole bins while no more than `fraction` of all values goes, at each end.
Range percentileRange(const Histogram &histogram, double fraction) {
  const std::vector<uint64_t> &bins = histogram.bins();
  double budget = fraction * static_cast<double>(histogram.count());
  size_t low = 0, high = bins.size();
  for (double cut = 0; low < high && (cut += static_cast<double>(bins[low])) <= budget;)
    ++low;
  for (double cut = 0; high > low && (cut += static_cast<double>(bins[high - 1])) <= budget;)
    --high;
  double width = histogram.binWidth();
  double lo = static_cast<double>(histogram.first() + static_cast<int64_t>(low)) * width;
  double hi = static_cast<double>(histogram.first() + static_cast<int64_t>(high)) * width;
  return {static_cast<float>(std::min(std::max<double>(lo, histogram.min()), 0.0)),
          static_cast<float>(std::max(std::min<double>(hi, histogram.max()), 0.0))};
}

} // namespace

Range qcc::calibrate::chooseRange(const Histogram &histogram, Method method) {
  Range all = {std::min(histogram.min(), 0.0f), std::max(histogram.max(), 0.0f)};
  if (!(static_cast<double>(all.hi) - all.lo >= quantize::narrowestRange))
    return all;
  switch (method) {
  case Method::MinMax:
    return all;
  case Method::Percentile:
    return percentileRange(histogram, 1e-5);
  case Method::MSE:
    return ErrorSearch(Points(histogram), 2).run();
  case Method::L3:
    return ErrorSearch(Points(histogram), 3).run();
  case Method::Entropy:
    return entropyRange(Points(histogram));
  }
  return all;
}
