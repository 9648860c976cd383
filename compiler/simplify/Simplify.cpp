//===- Simplify.cpp - The order of stage simplify's passes ----------------===//

#include "compiler/simplify/Passes.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

void qcc::simplify::addSimplify(OpPassManager &pm, const SimplifyOptions &options) {
  OpPassManager &functions = pm.nest<func::FuncOp>();
  functions.addPass(createMaskLengths()); // reads what the import has found out about single operations
  functions.addPass(createWidenHalf());
  FoldConstantsOptions folding{options.maxConstantBytes};
  functions.addPass(createFoldConstants(folding));
  functions.addPass(createRemoveIdentities());
  functions.addPass(createUnifyReshapes());
  // Exporters repeat subexpressions; the passes below look for sole users.
  functions.addPass(createCSEPass());
  functions.addPass(createUnifyPools());
  functions.addPass(createDecomposeNormalization());
  functions.addPass(createDecomposeProducts());
  // Before FoldAffine, which takes spelled-out activations apart.
  functions.addPass(createRecognizeActivations());
  functions.addPass(createFoldAffine());
  // Merged constants uncover spellings such as ((x * 6) / 6) and clip(relu).
  functions.addPass(createRecognizeActivations());
  functions.addPass(createFoldPads());
  functions.addPass(createDropUnseenTaps());
  functions.addPass(createFlattenVolumes()); // after all that looks for convolutions with their neighbours
  // Last: the passes before take the weights of convolutions for floats.
  if (options.adoptsDynamic)
    functions.addPass(createAdoptDynamic({options.measuresZeroPoints}));
}
