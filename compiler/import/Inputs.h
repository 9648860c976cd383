//===- Inputs.h - What --shape and --set say about inputs -------*- C++ -*-===//
#ifndef QCC_COMPILER_IMPORT_INPUTS_H
#define QCC_COMPILER_IMPORT_INPUTS_H

#include "compiler/import/Import.h"
#include "compiler/import/Model.h"
#include "compiler/support/Lengths.h"

#include <map>

namespace qcc::import {

/// Why options and inputs do not fit together.
struct InputError {
  std::string message;
  bool isUsage = false; ///< the command line is at fault, not the model
};

/// A size that the caller of the model chooses.
struct Length {
  std::string name;              ///< for messages
  int64_t least, most, step = 1; ///< in steps: the size is the length times `step`
};

/// A dimension of an argument that depends on lengths.
struct Place {
  size_t argument, axis;
  Extent extent;
};

struct Inputs {
  /// Inputs of the function, of static shape, in the graph's order; those of chosen size at their largest.
  std::vector<ValueInfo> arguments;
  /// Inputs that `--set` makes constants: the input and the text of its values.
  std::vector<std::pair<ValueInfo, std::string>> constants;
  std::vector<Length> lengths;
  std::vector<Place> places; ///< of each length there is one that has it alone
  std::vector<std::string> remarks;
  /// Import leaves operations on constants that are no sizes (Importer::foldsNumbersOnly).
  bool foldsNumbersOnly = false;
};

/// Decides the shape of each input that is no initializer.
Inputs resolveInputs(const Graph &graph, const ImportOptions &options, std::vector<InputError> &errors);

} // namespace qcc::import

#endif // QCC_COMPILER_IMPORT_INPUTS_H
