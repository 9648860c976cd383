/*===-- status.c - the text of a status ------------------------------------===*/
#include "internal.h"

const char *qcc_status_string(qcc_status status) {
  switch (status) {
  case QCC_OK:
    return "success";
  case QCC_ERR_ARGUMENT:
    return "wrong argument: a NULL pointer, overlapping buffers, or a model of another runtime version";
  case QCC_ERR_SHAPE:
    return "shape out of the bounds that the model was compiled for";
  case QCC_ERR_WORKSPACE:
    return "workspace too small";
  case QCC_ERR_ISA:
    return "no code for this processor, or QCC_ISA names a variant that the model or the processor lacks";
  case QCC_ERR_NO_DEVICE:
    return "device not available, or QCC_DEVICE names one that the model was not compiled for";
  case QCC_ERR_DEVICE:
    return "device error";
  case QCC_ERR_BUSY:
    return "pool is serving another run";
  }
  return "unknown status";
}
