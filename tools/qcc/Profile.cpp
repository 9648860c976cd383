//===- Profile.cpp - How long the steps of an object take here ------------===//

#include "tools/qcc/Profile.h"

#include "compiler/emit/Jit.h"
#include "llvm/Object/ObjectFile.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>

using namespace qcc;
using namespace qcc::driver;

namespace {
using Clock = std::chrono::steady_clock;

constexpr double seconds = 0.3;
constexpr int fewestRuns = 3;

double secondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// "" where the object's code runs on this one.
std::string otherMachine(llvm::ArrayRef<char> object) {
  auto file = llvm::object::ObjectFile::createObjectFile(
      llvm::MemoryBufferRef(llvm::StringRef(object.data(), object.size()), "object"));
  if (!file)
    return llvm::toString(file.takeError());
  llvm::Triple::ArchType arch = (*file)->getArch();
  return arch == llvm::Triple(llvm::sys::getProcessTriple()).getArch()
             ? ""
             : llvm::Triple::getArchTypeName(arch).str();
}

/// Floats of ordinary size; other types are zeros, which every index may be.
std::vector<unsigned char> contents(const qcc_tensor_info &info) {
  std::vector<unsigned char> bytes(info.bytes);
  if (info.type == QCC_TYPE_F32)
    for (size_t i = 0; i < bytes.size() / sizeof(float); ++i) {
      float value = static_cast<float>(i % 17) / 8 - 1;
      std::memcpy(bytes.data() + i * sizeof(float), &value, sizeof(float));
    }
  return bytes;
}
} // namespace

bool driver::timeSteps(llvm::ArrayRef<char> object, llvm::StringRef prefix, StepTimes &times,
                       std::string &error) {
  if (std::string machine = otherMachine(object); !machine.empty()) {
    error = "the object is for " + machine + ", not for the machine that compiled.";
    return false;
  }
  auto loaded = emit::LoadedModel::load(object, prefix);
  if (!loaded) {
    error = llvm::toString(loaded.takeError());
    return false;
  }
  const qcc_model &model = (*loaded)->model();
  const qcc_variant *variant = nullptr;
  if (qcc_status status = qcc_select_variant(&model, &variant); status != QCC_OK) {
    error = std::string(qcc_status_string(status)) + ".";
    return false;
  }
  times.isa = variant->isa;
  times.microseconds.assign(model.n_steps, INFINITY);
  std::vector<std::vector<unsigned char>> buffers;
  std::vector<const void *> in;
  std::vector<void *> out;
  for (uint32_t i = 0; i < model.n_inputs; ++i)
    buffers.push_back(contents(model.inputs[i]));
  for (uint32_t o = 0; o < model.n_outputs; ++o)
    buffers.emplace_back(model.outputs[o].bytes);
  for (uint32_t i = 0; i < buffers.size(); ++i)
    i < model.n_inputs ? in.push_back(buffers[i].data()) : out.push_back(buffers[i].data());
  // The longest run, for models of bounded shapes.
  for (uint32_t i = 0; i < model.n_inputs; ++i)
    in.push_back(model.inputs[i].shape);
  std::vector<std::vector<int64_t>> written;
  for (uint32_t o = 0; o < model.n_outputs; ++o)
    out.push_back(written.emplace_back(model.outputs[o].rank).data());
  std::vector<unsigned char> work(model.workspace_bytes + QCC_WORK_ALIGN);
  auto misaligned = reinterpret_cast<uintptr_t>(work.data()) % QCC_WORK_ALIGN;
  qcc_frame frame = {in.data(), out.data(), work.data() + QCC_WORK_ALIGN - misaligned, nullptr, nullptr};
  Clock::time_point begin = Clock::now();
  for (int run = 0; run < fewestRuns || secondsSince(begin) < seconds; ++run)
    for (uint32_t step = 0; step < model.n_steps; ++step) {
      Clock::time_point start = Clock::now();
      variant->steps[step](&frame, 0, 1);
      times.microseconds[step] = std::min(times.microseconds[step], 1e6 * secondsSince(start));
    }
  return true;
}
