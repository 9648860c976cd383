//===- Messages.cpp - What qcc says, on standard error --------------------===//

#include "tools/qcc/Messages.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Location.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/Signals.h"
#include "llvm/Support/raw_ostream.h"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <new>
#include <unistd.h>

using namespace mlir;

/// One message is one line, whatever names are in it.
static std::string oneLine(StringRef text) {
  std::string result;
  for (unsigned char c : text) {
    if (c >= 0x20 && c != 0x7f)
      result += static_cast<char>(c);
    else
      result += "\\x" + llvm::toHex(StringRef(reinterpret_cast<char *>(&c), 1), /*LowerCase=*/true);
  }
  return result;
}

/// Without what stands in long braces: a type with a scale for each group of weights has thousands of them.
static std::string withoutLists(StringRef text) {
  constexpr size_t longest = 80;
  std::string result;
  while (!text.empty()) {
    size_t open = std::min(text.find('{'), text.size()), close = open;
    result += text.take_front(open);
    for (int depth = 0; close < text.size(); ++close) {
      depth += text[close] == '{' ? 1 : text[close] == '}' ? -1 : 0;
      if (depth == 0)
        break;
    }
    StringRef list = text.slice(open, close + 1);
    result += list.size() > longest ? "{...}" : list;
    text = text.drop_front(open + list.size());
  }
  return result;
}

/// "node 'conv1' (Conv): " of a location made by the importer, "" of others.
static std::string placeOf(Location loc) {
  auto name = loc->findInstanceOf<NameLoc>();
  if (!name)
    return "";
  auto op = dyn_cast<NameLoc>(name.getChildLoc());
  std::string quoted = "'" + name.getName().str() + "'";
  return op ? "node " + quoted + " (" + op.getName().str() + "): " : "tensor " + quoted + ": ";
}

static StringRef wordOf(DiagnosticSeverity severity) {
  switch (severity) {
  case DiagnosticSeverity::Note:
    return "note";
  case DiagnosticSeverity::Warning:
    return "warning";
  case DiagnosticSeverity::Error:
    return "error";
  case DiagnosticSeverity::Remark:
    return "remark";
  }
  llvm_unreachable("all severities are listed");
}

/// What to say where memory ends; made before, for then there is none.
static std::string outOfMemory = "qcc: error: needs more memory than there is\n";

qcc::driver::MessagePrinter::MessagePrinter(MLIRContext &context, std::string model, bool quiet, bool verbose)
    : context(context), model(std::move(model)), quiet(quiet), verbose(verbose) {
  context.printOpOnDiagnostic(false);
  outOfMemory = oneLine(this->model) + ": error: needs more memory than there is\n";
  handler = context.getDiagEngine().registerHandler([this](Diagnostic &d) { print(d); });
}

qcc::driver::MessagePrinter::~MessagePrinter() { context.getDiagEngine().eraseHandler(handler); }

void qcc::driver::MessagePrinter::print(Diagnostic &diagnostic) {
  if (quiet && diagnostic.getSeverity() != DiagnosticSeverity::Error)
    return;
  std::string message = diagnostic.str();
  // The operator is named already.
  StringRef text = message;
  if (text.consume_front("'qcc."))
    text = text.substr(text.find("' op ") + 5);
  bool isRemark = diagnostic.getSeverity() == DiagnosticSeverity::Remark;
  if (isRemark && !verbose && text.starts_with("left in float: "))
    return;
  llvm::errs() << oneLine(model) << ": " << oneLine(placeOf(diagnostic.getLocation()))
               << wordOf(diagnostic.getSeverity()) << ": " << oneLine(withoutLists(text)) << "\n";
  if (diagnostic.getSeverity() == DiagnosticSeverity::Error)
    for (Diagnostic &note : diagnostic.getNotes())
      print(note);
}

qcc::driver::Timed::Timed(const Options &options, std::string what)
    : active(options.has("-v")), what(std::move(what)), start(std::chrono::steady_clock::now()) {}

qcc::driver::Timed::~Timed() {
  std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  if (active)
    llvm::errs() << "qcc: " << what << ": " << llvm::format("%.2f s", seconds.count()) << "\n";
}

void qcc::driver::printError(StringRef message) {
  llvm::errs() << "qcc: error: " << oneLine(message) << "\n";
}

static void writeAll(StringRef text) {
  [[maybe_unused]] ssize_t written = write(2, text.data(), text.size());
}

[[noreturn]] static void dieInside(StringRef what) {
  writeAll("qcc: internal error: ");
  writeAll(what);
  writeAll("; please report this with the model\n");
  llvm::sys::RunInterruptHandlers(); // removes temporary files
  _exit(70);
}

[[noreturn]] static void dieOfMemory() {
  writeAll(outOfMemory);
  llvm::sys::RunInterruptHandlers();
  _exit(1);
}

/// What is opened later must not become standard output or error.
static void openStandardStreams() {
  int fd = 0;
  while (fd >= 0 && fd <= 2)
    fd = open("/dev/null", O_RDWR);
  if (fd > 2)
    close(fd);
}

#if defined(__SANITIZE_ADDRESS__)
static void catchCrashes() {} // the sanitiser has more to say
#else
/// MLIR does not look whether it got the memory that it asked malloc for.
static bool isNullFromMalloc(int number, const siginfo_t &info) {
  return number == SIGSEGV && errno == ENOMEM && reinterpret_cast<uintptr_t>(info.si_addr) < 65536;
}

static void onSignal(int number, siginfo_t *info, void *) {
  if (isNullFromMalloc(number, *info))
    dieOfMemory();
  dieInside("crashed");
}

static void catchCrashes() {
  // A crash may be for want of stack.
  static char stack[64 * 1024];
  stack_t alternate = {};
  alternate.ss_sp = stack;
  alternate.ss_size = sizeof(stack);
  sigaltstack(&alternate, nullptr);
  struct sigaction action = {};
  action.sa_sigaction = onSignal;
  action.sa_flags = SA_ONSTACK | SA_NODEFER | SA_SIGINFO;
  for (int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT})
    sigaction(number, &action, nullptr);
}
#endif

void qcc::driver::installHandlers() {
  openStandardStreams();
  llvm::sys::SetInterruptFunction(nullptr); // LLVM installs its handlers now, so that those below stay
  llvm::install_fatal_error_handler([](void *, const char *reason, bool) { dieInside(reason); });
  llvm::install_bad_alloc_error_handler([](void *, const char *, bool) { dieOfMemory(); });
  std::set_new_handler(dieOfMemory);
  signal(SIGXFSZ, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
  catchCrashes();
}
