//===- Compare.cpp - errors and their neighbourhood -----------------------===//
#include "tools/qcc-run/Compare.h"
#include "tools/qcc-run/Tensor.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace qcc::run {
namespace {

/// Elements to each side of the worst one.
constexpr size_t window = 4;

long double element(const support::NpyArray &array, uint32_t type, size_t index) {
  return valueOf(type, array.data.data() + index * support::npyTypeBytes(array.type));
}

/// 0 for equal infinities and for two NaNs, infinite for a NaN on one side.
long double distance(long double got, long double expected) {
  if (got == expected || (std::isnan(got) && std::isnan(expected)))
    return 0;
  long double error = std::fabs(got - expected);
  return std::isnan(error) ? static_cast<long double>(INFINITY) : error;
}

std::string number(long double value) {
  char text[40];
  std::snprintf(text, sizeof(text), "%.9Lg", value);
  return text;
}

std::string column(const std::string &text) {
  return std::string(text.size() < 16 ? 16 - text.size() : 1, ' ') + text;
}

} // namespace

Comparison compare(const support::NpyArray &got, const support::NpyArray &expected, uint32_t type,
                   const Options &options) {
  Comparison result;
  result.elements = got.elements();
  result.rtol = options.rtol.value_or(isFloat(type) ? 1e-3 : 0);
  result.atol = options.atol.value_or(isFloat(type) ? 1e-7 : 0);
  long double signal = 0, noise = 0, worst = 0;
  for (size_t i = 0; i < result.elements; ++i) {
    long double value = element(got, type, i), wanted = element(expected, type, i);
    long double error = distance(value, wanted);
    if (error > 0 && !(error <= result.atol + result.rtol * std::fabs(wanted)))
      ++result.wrong;
    if (error > worst) {
      worst = error;
      result.worst = i;
    }
    if (std::isfinite(wanted)) {
      signal += wanted * wanted;
      noise += error * error;
    }
  }
  result.maxError = static_cast<double>(worst);
  result.sqnr = static_cast<double>(10 * std::log10(signal / noise));
  return result;
}

std::string comparisonText(const Comparison &comparison, const std::string &name, uint32_t type,
                           const support::NpyArray &got, const support::NpyArray &expected) {
  std::string text = "output '" + name + "': ";
  if (comparison.maxError == 0)
    return text + "equal (" + std::to_string(comparison.elements) + " elements)\n";
  char line[200];
  std::snprintf(line, sizeof(line),
                "max abs error %.6g at %s, SQNR %.2f dB, %zu of %zu beyond rtol %g, atol %g\n",
                comparison.maxError, placeText(got.shape, comparison.worst).c_str(), comparison.sqnr,
                comparison.wrong, comparison.elements, comparison.rtol, comparison.atol);
  text += line;
  if (!comparison.wrong)
    return text;
  text += column("index") + column("got") + column("expected") + "\n";
  size_t first = comparison.worst - std::min(comparison.worst, window);
  size_t last = std::min(comparison.worst + window + 1, comparison.elements);
  for (size_t i = first; i < last; ++i)
    text += column(placeText(got.shape, i)) + column(number(element(got, type, i))) +
            column(number(element(expected, type, i))) + (i == comparison.worst ? "  <-- worst\n" : "\n");
  return text;
}

} // namespace qcc::run
