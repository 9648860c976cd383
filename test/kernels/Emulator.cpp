//===- Emulator.cpp - Kernels on a machine that is not this one -------------===//
#include "test/kernels/Emulator.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"
#include <csignal>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace qcc;
using namespace qcc::test;

extern char **environ;

static const char compiler[] = "aarch64-linux-gnu-gcc", emulator[] = "qemu-aarch64-static";

/// The processor that has just what the variant asks for.
static std::string processorOf(const target::Variant &variant) {
  return variant.hasI8mm ? "max" : variant.hasDotprod ? "cortex-a76" : "cortex-a53";
}

bool Emulator::isNeededFor(const target::Variant &variant) {
  return llvm::Triple(variant.triple).getArch() != llvm::Triple(llvm::sys::getProcessTriple()).getArch();
}

bool Emulator::isThere() {
  return bool(llvm::sys::findProgramByName(compiler)) && bool(llvm::sys::findProgramByName(emulator));
}

static void writeFile(llvm::StringRef path, llvm::StringRef text) {
  std::error_code code;
  llvm::raw_fd_ostream stream(path, code);
  stream << text;
}

static std::string tableOf(llvm::ArrayRef<std::string> functions) {
  std::string text, names;
  for (const std::string &name : functions) {
    text += "void " + name + "(void);\n";
    names += name + ", ";
  }
  return text + "void (*const kernels[])(void) = {" + names + "0};\n";
}

Emulator::Emulator(const target::Variant &variant, llvm::StringRef object,
                   llvm::ArrayRef<std::string> functions) {
  llvm::SmallString<128> folder;
  if (llvm::sys::fs::createUniqueDirectory("qcc-emulated", folder))
    llvm::report_fatal_error("cannot create a temporary folder");
  std::string objectFile = (folder + "/kernels.o").str(), table = (folder + "/table.c").str(),
              program = (folder + "/app").str();
  writeFile(objectFile, object);
  writeFile(table, tableOf(functions));
  std::string path = llvm::cantFail(llvm::errorOrToExpected(llvm::sys::findProgramByName(compiler)));
  const char *server = QCC_SOURCE_DIR "/test/kernels/Inputs/emulated.c";
  llvm::StringRef words[] = {path, "-O1", "-static", server, table, objectFile, "-lm", "-o", program};
  if (llvm::sys::ExecuteAndWait(path, words) != 0)
    llvm::report_fatal_error("the kernels do not link for the emulated machine");
  start({emulator, "-cpu", processorOf(variant), program});
  scratch = folder.str().str();
}

Emulator::~Emulator() {
  close(toMachine);
  close(fromMachine);
  waitpid(process, nullptr, 0);
  llvm::sys::fs::remove_directories(scratch);
}

void Emulator::start(const std::vector<std::string> &command) {
  signal(SIGPIPE, SIG_IGN);
  int in[2], out[2];
  if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
    llvm::report_fatal_error("no pipes");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in[0], 0);
  posix_spawn_file_actions_adddup2(&actions, out[1], 1);
  std::vector<char *> words;
  for (const std::string &word : command)
    words.push_back(const_cast<char *>(word.c_str()));
  words.push_back(nullptr);
  if (posix_spawnp(&process, words[0], &actions, nullptr, words.data(), environ))
    llvm::report_fatal_error("the emulator does not start");
  posix_spawn_file_actions_destroy(&actions);
  close(in[0]);
  close(out[1]);
  toMachine = in[1];
  fromMachine = out[0];
}

bool Emulator::send(const void *data, size_t bytes) {
  for (const char *at = static_cast<const char *>(data); bytes > 0;) {
    ssize_t done = write(toMachine, at, bytes);
    if (done <= 0)
      return false;
    at += done;
    bytes -= done;
  }
  return true;
}

bool Emulator::receive(void *data, size_t bytes) {
  for (char *at = static_cast<char *>(data); bytes > 0;) {
    ssize_t done = read(fromMachine, at, bytes);
    if (done <= 0)
      return false;
    at += done;
    bytes -= done;
  }
  return true;
}

void Emulator::explain() {
  int status = 0;
  waitpid(process, &status, 0);
  llvm::errs() << "the emulated machine stopped: " << (WIFSIGNALED(status) ? "signal " : "exit status ")
               << (WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status)) << "\n";
}

bool Emulator::call(size_t function, llvm::ArrayRef<Memory> pointers, int64_t begin, int64_t end) {
  std::vector<uint64_t> which;
  std::vector<Memory> buffers;
  for (const Memory &memory : pointers) {
    size_t index = 0;
    while (index < buffers.size() && buffers[index].data != memory.data)
      ++index;
    if (index == buffers.size())
      buffers.push_back(memory);
    which.insert(which.end(), {index, memory.offset});
  }
  uint64_t head[] = {function, pointers.size(), buffers.size(), uint64_t(begin), uint64_t(end), 0};
  bool ok = send(head, sizeof head) && send(which.data(), which.size() * sizeof which[0]);
  for (const Memory &buffer : buffers) {
    uint64_t bytes = buffer.bytes;
    ok = ok && send(&bytes, sizeof bytes) && send(buffer.data, bytes);
  }
  for (const Memory &buffer : buffers)
    ok = ok && receive(buffer.data, buffer.bytes);
  if (!ok)
    explain();
  return ok;
}
