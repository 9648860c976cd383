//===- Tensor.h - a model's tensors and NumPy's arrays ----------*- C++ -*-===//
//
// Types that NumPy lacks travel as their bits: bfloat16 as uint16, float8 and
// float4 as uint8, (u)int4 and (u)int2 as one value per (u)int8.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_TOOLS_QCC_RUN_TENSOR_H
#define QCC_TOOLS_QCC_RUN_TENSOR_H

#include "compiler/support/Npy.h"
#include "qcc/runtime.h"

namespace qcc::run {

struct ElementType {
  qcc_type type;
  const char *name;
  unsigned bits;
  support::NpyType npy;
};

/// Null for a type this program does not know.
const ElementType *findType(uint32_t type);

/// Whether values of the type are floating-point numbers.
bool isFloat(uint32_t type);

std::vector<int64_t> shapeOf(const qcc_tensor_info &info);
size_t elementsOf(const qcc_tensor_info &info);

/// Whether an array of `shape` is one of the tensor: within its bounds, where it has any.
bool fitsShape(const qcc_tensor_info &info, const std::vector<int64_t> &shape);
/// "(1, 1..128)"
std::string boundsText(const qcc_tensor_info &info);

/// Refuses a descriptor whose type is unknown or whose size belies its shape.
bool checkInfo(const qcc_tensor_info &info, std::string &error);

/// Between an array's elements and the model's bytes. `pack` fails where a value
/// does not fit a narrow integer.
bool pack(const qcc_tensor_info &info, const uint8_t *elements, uint8_t *bytes, std::string &error);
void unpack(const qcc_tensor_info &info, const uint8_t *bytes, uint8_t *elements);

/// The value of one array element; exact for every type.
long double valueOf(uint32_t type, const uint8_t *element);

/// The same bytes in every run: floats in [-1, 1), integers 0 or 1. `number` is
/// the input's place in the graph.
void fillPseudoRandom(const qcc_tensor_info &info, uint32_t number, uint8_t *bytes);

/// "(0, 3, 17)": the place of element `index`.
std::string placeText(const std::vector<int64_t> &shape, size_t index);

} // namespace qcc::run

#endif // QCC_TOOLS_QCC_RUN_TENSOR_H
