//===- ChannelScale.h - A quantised image times one factor a channel -*- C++ -*-===//
//
// q8's product where the second operand has one value for each index of the last
// axis, as squeeze-excite multiplies. Channels are outside and pixels inside, so
// that the factors of a block stay in registers.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_COMPILER_KERNELS_CHANNELSCALE_H
#define QCC_COMPILER_KERNELS_CHANNELSCALE_H

#include "compiler/kernels/LoopNest.h"
#include "compiler/kernels/Spec.h"

namespace qcc::kernels {

class ChannelScale {
public:
  /// Nothing for other products.
  static std::optional<ChannelScale> of(const Spec &spec);
  int64_t units() const { return pixels.units(); }
  /// `bounds` is the result's type with the limits that its chain leaves.
  void emit(const Code &code, const Arguments &arguments, const Quantization &bounds) const;

private:
  ChannelScale(const Spec &spec, llvm::ArrayRef<View> pixelViews);
  struct Part; ///< some channels
  void emitPart(const Code &code, const Arguments &arguments, const Part &part) const;

  int64_t channels, factorOffset;
  Quantization x, factor;
  LoopNest pixels; ///< channel 0 of the operand and of the result
};

} // namespace qcc::kernels

#endif // QCC_COMPILER_KERNELS_CHANNELSCALE_H
