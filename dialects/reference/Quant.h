//===- Quant.h - Changes of representation ----------------------*- C++ -*-===//
#ifndef QCC_DIALECTS_REFERENCE_QUANT_H
#define QCC_DIALECTS_REFERENCE_QUANT_H

#include "dialects/reference/Integer.h"
#include "dialects/reference/Tensor.h"

namespace qcc::reference {

/// Which scale an element has: one for all (a scale of one element), one for
/// each index of `axis` (rank 1), or one for each block of `blockSize` along it.
struct Granularity {
  int64_t axis = 0;
  int64_t blockSize = 0; ///< 0: not blocked
};
std::vector<int64_t> scaleIndices(const std::vector<int64_t> &shape, const Tensor &scale,
                                  Granularity granularity);

/// ONNX's QuantizeLinear (q1). The division rounds to `precision`, f32 or
/// narrower. `saturate` is for 8-bit floats only. `zero` may be null.
Tensor quantizeLinear(const Tensor &input, const Tensor &scale, const Tensor *zero, Granularity granularity,
                      DType to, DType precision, bool saturate);
/// (x - zero) * scale, rounded to `to`.
Tensor dequantizeLinear(const Tensor &input, const Tensor &scale, const Tensor *zero, Granularity granularity,
                        DType to);

/// uint8 values, float32 scale and uint8 zero point from the operand's range.
struct DynamicQuantized {
  Tensor values, scale, zeroPoint;
};
DynamicQuantized dynamicQuantizeLinear(const Tensor &input);

/// Element i has `params[index[i]]`.
Tensor quantize(const Tensor &input, const std::vector<QuantParams> &params,
                const std::vector<int64_t> &index, DType to);
Tensor dequantize(const Tensor &input, const std::vector<QuantParams> &params,
                  const std::vector<int64_t> &index, DType to);

/// table[..., byte] for each element of an 8-bit tensor; the table's axes but the last
/// broadcast to the tensor's. Its elements are stored like those of `to`.
Tensor lookUp(const Tensor &input, const Tensor &table, DType to);

/// ONNX's Cast: floats truncate to integers, integers wrap.
Tensor cast(const Tensor &input, DType to, bool saturate);

} // namespace qcc::reference

#endif // QCC_DIALECTS_REFERENCE_QUANT_H
