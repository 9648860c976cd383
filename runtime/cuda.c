/*===-- cuda.c - models compiled for NVIDIA GPUs ---------------------------===*
 *
 * The seam only: no model of this version carries device code.
 *
 *===----------------------------------------------------------------------===*/
#include "internal.h"

qcc_status qcc_cuda_run(const qcc_model *model, const qcc_frame *frame) {
  (void)model;
  (void)frame;
  return QCC_ERR_NO_DEVICE;
}
