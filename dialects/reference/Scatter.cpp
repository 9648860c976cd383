//===- Scatter.cpp - Single elements by their indices ---------------------===//

#include "dialects/reference/Scatter.h"
#include "dialects/reference/Elementwise.h"

namespace qcc::reference {

static int64_t fromFront(int64_t index, int64_t size) { return index < 0 ? index + size : index; }

/// For each element of `indices` the place in a tensor of `shape` that it names along `axis`.
static std::vector<int64_t> placesOf(const std::vector<int64_t> &shape, const Tensor &indices, int64_t axis) {
  std::vector<int64_t> places(static_cast<size_t>(indices.size()));
  for (size_t i = 0; i < places.size(); ++i) {
    int64_t rest = static_cast<int64_t>(i), stride = 1;
    for (size_t a = shape.size(); a-- > 0;) {
      int64_t position = rest % indices.shape[a];
      rest /= indices.shape[a];
      if (static_cast<int64_t>(a) == axis)
        position = fromFront(indices.getInt(static_cast<int64_t>(i)), shape[a]);
      places[i] += position * stride;
      stride *= shape[a];
    }
  }
  return places;
}

static void copyElement(Tensor &to, int64_t i, const Tensor &from, int64_t j) {
  auto width = static_cast<size_t>(byteSize(to.type));
  std::memcpy(&to.bytes[i * width], &from.bytes[j * width], width);
}

Tensor gatherElements(const Tensor &input, const Tensor &indices, int64_t axis) {
  Tensor result(input.type, indices.shape);
  std::vector<int64_t> places = placesOf(input.shape, indices, axis);
  for (size_t i = 0; i < places.size(); ++i)
    copyElement(result, static_cast<int64_t>(i), input, places[i]);
  return result;
}

static void updateElement(Tensor &result, int64_t i, const Tensor &updates, int64_t j, Update update) {
  if (update == Update::None)
    return copyElement(result, i, updates, j);
  static const Binary functions[] = {Binary::Add, Binary::Add, Binary::Mul, Binary::Max, Binary::Min};
  Tensor here(result.type, {}), next(result.type, {});
  copyElement(here, 0, result, i);
  copyElement(next, 0, updates, j);
  copyElement(result, i, binary(functions[static_cast<size_t>(update)], here, next), 0);
}

Tensor scatterElements(const Tensor &input, const Tensor &indices, const Tensor &updates, int64_t axis,
                       Update update) {
  Tensor result = input;
  std::vector<int64_t> places = placesOf(input.shape, indices, axis);
  for (size_t i = 0; i < places.size(); ++i)
    updateElement(result, places[i], updates, static_cast<int64_t>(i), update);
  return result;
}

Tensor scatterND(const Tensor &input, const Tensor &indices, const Tensor &updates, Update update) {
  Tensor result = input;
  int64_t tuple = indices.shape.back();
  int64_t tuples = elementCount({indices.shape.begin(), indices.shape.end() - 1});
  int64_t slice = elementCount({input.shape.begin() + tuple, input.shape.end()});
  for (int64_t i = 0; i < tuples; ++i) {
    int64_t place = 0;
    for (int64_t j = 0; j < tuple; ++j)
      place = place * input.shape[j] + fromFront(indices.getInt(i * tuple + j), input.shape[j]);
    for (int64_t j = 0; j < slice; ++j)
      updateElement(result, place * slice + j, updates, i * slice + j, update);
  }
  return result;
}

Tensor tensorScatter(const Tensor &input, const Tensor &updates, const std::vector<int64_t> &starts,
                     int64_t axis) {
  Tensor result = input;
  int64_t size = input.shape[axis], count = updates.shape[axis];
  int64_t inner = elementCount({input.shape.begin() + axis + 1, input.shape.end()});
  int64_t lines = elementCount({input.shape.begin(), input.shape.begin() + axis});
  int64_t perSample = lines / std::max<int64_t>(input.shape[0], 1);
  for (int64_t line = 0; line < lines; ++line)
    for (int64_t i = 0; i < count; ++i) {
      int64_t place = (starts[line / perSample] + i) % size;
      for (int64_t j = 0; j < inner; ++j)
        copyElement(result, (line * size + place) * inner + j, updates, (line * count + i) * inner + j);
    }
  return result;
}

} // namespace qcc::reference
