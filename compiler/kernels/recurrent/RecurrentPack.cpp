//===- RecurrentPack.cpp - Weights as the recurrent kernel reads them -------===//
#include "compiler/kernels/recurrent/Recurrent.h"

#include "dialects/reference/Tensor.h"
#include "llvm/Support/MathExtras.h"
#include <cstring>

using namespace qcc::kernels;
using qcc::reference::Cell;

llvm::SmallVector<Pass, 2> qcc::kernels::recurrentPasses(Cell cell, bool linearBeforeReset) {
  if (cell == Cell::Rnn)
    return {{0}};
  if (cell == Cell::Lstm)
    return {{0, 1, 2, 3}};
  return linearBeforeReset ? llvm::SmallVector<Pass, 2>{{0, 1, 2}} : llvm::SmallVector<Pass, 2>{{0, 1}, {2}};
}

/// In the order of memory: elements of `perWord` neighbouring k, zeros where there are none.
template <typename T>
static Bytes pack(Cell cell, bool linearBeforeReset, int64_t hidden, int64_t perWord,
                  llvm::function_ref<T(int64_t, int64_t)> at) {
  Bytes bytes;
  int64_t padded = paddedUnits(hidden), words = llvm::divideCeil(hidden, perWord);
  auto append = [&](T value) {
    const auto *begin = reinterpret_cast<const uint8_t *>(&value);
    bytes.insert(bytes.end(), begin, begin + sizeof(T));
  };
  for (const Pass &pass : recurrentPasses(cell, linearBeforeReset))
    for (int64_t block = 0; block < padded; block += blockUnits)
      for (int64_t word = 0; word < words; ++word)
        for (int64_t gate : pass)
          for (int64_t unit = block; unit < block + blockUnits; ++unit)
            for (int64_t k = word * perWord; k < (word + 1) * perWord; ++k)
              append(unit < hidden && k < hidden ? at(gate * hidden + unit, k) : T(0));
  return bytes;
}

Bytes qcc::kernels::packRecurrence(Cell cell, bool linearBeforeReset, int64_t hidden,
                                   llvm::function_ref<float(int64_t, int64_t)> at) {
  return pack<float>(cell, linearBeforeReset, hidden, 1, at);
}

Bytes qcc::kernels::packRecurrenceHalves(Cell cell, bool linearBeforeReset, int64_t hidden, target::Half type,
                                         llvm::function_ref<float(int64_t, int64_t)> at) {
  auto *round = type == target::Half::F16 ? reference::floatToHalf : reference::floatToBfloat;
  return pack<uint16_t>(cell, linearBeforeReset, hidden, 1,
                        [&](int64_t row, int64_t k) { return round(at(row, k)); });
}

Bytes qcc::kernels::packRecurrenceBytes(Cell cell, bool linearBeforeReset, int64_t hidden,
                                        llvm::function_ref<int8_t(int64_t, int64_t)> at) {
  return pack<int8_t>(cell, linearBeforeReset, hidden, 4, at);
}

Bytes qcc::kernels::packRecurrentColumns(Cell cell, int64_t hidden, llvm::ArrayRef<float> scales,
                                         llvm::function_ref<int8_t(int64_t, int64_t)> at) {
  int64_t padded = paddedUnits(hidden), columns = reference::gatesOf(cell) * padded;
  std::vector<float> scale(static_cast<size_t>(columns), 1.0f);
  std::vector<int32_t> sums(static_cast<size_t>(columns), 0);
  for (int64_t row = 0; row < reference::gatesOf(cell) * hidden; ++row) {
    int64_t column = row / hidden * padded + row % hidden;
    scale[column] = scales[row % static_cast<int64_t>(scales.size())];
    for (int64_t k = 0; k < hidden; ++k)
      sums[column] += at(row, k);
  }
  Bytes bytes(static_cast<size_t>(columns) * 8);
  std::memcpy(bytes.data(), scale.data(), bytes.size() / 2);
  std::memcpy(bytes.data() + bytes.size() / 2, sums.data(), bytes.size() / 2);
  return bytes;
}

Bytes qcc::kernels::packRecurrenceNibbles(Cell cell, bool linearBeforeReset, int64_t hidden,
                                          const NibbleWeights &weights) {
  Bytes bytes;
  NibbleForm form = weights.form();
  for (const Pass &pass : recurrentPasses(cell, linearBeforeReset)) {
    form.panels = static_cast<int64_t>(pass.size());
    Bytes part = packNibbles(form, weights, paddedUnits(hidden) / blockUnits, [&](int64_t block, int64_t i) {
      int64_t unit = block * blockUnits + i % blockUnits;
      return unit < hidden ? pass[i / blockUnits] * hidden + unit : -1;
    });
    bytes.insert(bytes.end(), part.begin(), part.end());
  }
  return bytes;
}

Bytes qcc::kernels::packRecurrentNibbleColumns(Cell cell, int64_t hidden, const NibbleWeights &weights) {
  int64_t padded = paddedUnits(hidden);
  std::vector<float> sums = nibbleColumnSums(weights), columns(reference::gatesOf(cell) * padded, 0.0f);
  for (size_t row = 0; row < sums.size(); ++row)
    columns[static_cast<int64_t>(row) / hidden * padded + static_cast<int64_t>(row) % hidden] = sums[row];
  Bytes bytes(columns.size() * 4);
  std::memcpy(bytes.data(), columns.data(), bytes.size());
  return bytes;
}
