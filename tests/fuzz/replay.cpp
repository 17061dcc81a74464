// Replays a fuzz target without libFuzzer, in every build and the same each time: its seeds, the
// files of its corpus, then seeded changes of them.
//
//   PROGRAM [--changes N] [--seed N] FILE_OR_DIRECTORY...
//
// An input that crashes or takes longer than 30 s is left in fuzz-finding.<pid> in the directory
// for temporary files; the last line on stderr names it. Give that file to the program to see it
// again.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <sys/resource.h>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "mishap/base/random.h"
#include "mishap/base/testing/fuzz.h"

// NOLINTNEXTLINE(bugprone-reserved-identifier): the sanitizers' own name
extern "C" [[gnu::weak]] void __sanitizer_set_death_callback(void (*callback)());

namespace mishap::testing {
namespace {

constexpr unsigned kLongestSeconds = 30;
constexpr uint64_t kMemoryBytes = uint64_t{2} << 30;
constexpr size_t kLongestInputBytes = 16 * 1024;

std::string_view current;
char finding_path[256];

/// Only what may be done in a signal handler.
void save_finding() {
  int file = open(finding_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) return;
  for (std::string_view rest = current; !rest.empty();) {
    ssize_t count = write(file, rest.data(), rest.size());
    if (count <= 0) break;
    rest.remove_prefix(static_cast<size_t>(count));
  }
  close(file);
  for (const char* text : {"fuzz: the input is in ", static_cast<const char*>(finding_path), "\n"})
    (void)!write(STDERR_FILENO, text, strlen(text));
}

void on_signal(int number) {
  save_finding();
  signal(number, SIG_DFL);
  raise(number);
}

void prepare() {
  const char* directory = getenv("TMPDIR");
  auto end = fmt::format_to_n(finding_path, sizeof finding_path - 1, "{}/fuzz-finding.{}",
                              directory == nullptr ? "/tmp" : directory, getpid());
  *end.out = '\0';
  for (int number : {SIGABRT, SIGALRM}) signal(number, on_signal);
  if (&__sanitizer_set_death_callback != nullptr) {
    __sanitizer_set_death_callback(save_finding);
    return;  // a sanitizer sees the other signals itself, and its shadow is larger than any limit
  }
  for (int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL}) signal(number, on_signal);
  rlimit memory{kMemoryBytes, kMemoryBytes};
  setrlimit(RLIMIT_AS, &memory);
}

void run(const std::string& input) {
  // A buffer of its own and of exactly that size, so that a sanitizer sees what is read beyond it.
  std::vector<char> bytes(input.begin(), input.end());
  current = std::string_view(bytes.data(), bytes.size());
  alarm(kLongestSeconds);
  fuzz_one(current);
  alarm(0);
  current = {};
}

/// One small change: what a hand, a cable or a hostile peer would do.
void change(std::string& input, Random& random, const std::vector<std::string>& seeds) {
  const size_t at = random.below(input.size() + 1);
  switch (random.below(7)) {
    case 0:  // any byte
      if (at < input.size()) input[at] = static_cast<char>(random.next());
      break;
    case 1:  // one bit
      if (at < input.size()) input[at] = static_cast<char>(input[at] ^ (1 << random.below(8)));
      break;
    case 2:
      input.erase(at, 1 + random.below(16));
      break;
    case 3:
      input.insert(at, 1, static_cast<char>(random.next()));
      break;
    case 4: {  // a part again, somewhere
      const std::string part = input.substr(random.below(input.size() + 1), random.below(32));
      input.insert(at, part);
      break;
    }
    case 5: {  // a part of another
      const std::string& other = seeds[random.below(seeds.size())];
      input.insert(at, other.substr(random.below(other.size() + 1), random.below(64)));
      break;
    }
    default:  // an edge of the range of numbers
      if (at < input.size()) input[at] = static_cast<char>("\x00\xff\x7f\x80"[random.below(4)]);
  }
  if (input.size() > kLongestInputBytes) input.resize(kLongestInputBytes);
}

std::vector<std::string> read_corpus(const std::filesystem::path& path) {
  if (!std::filesystem::is_directory(path)) return {read_seed(path)};
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(path)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  std::vector<std::string> inputs;
  inputs.reserve(files.size());
  for (const auto& file : files) inputs.push_back(read_seed(file));
  return inputs;
}

[[noreturn]] void usage() {
  std::fprintf(stderr, "usage: PROGRAM [--changes N] [--seed N] FILE_OR_DIRECTORY...\n");
  std::exit(1);
}

int replay(int count, char** arguments) {
  uint64_t changes = 0;
  uint64_t seed = 1;
  std::vector<std::string> inputs;
  for (int i = 1; i < count; ++i) {
    const std::string_view argument = arguments[i];
    if (argument == "--changes" || argument == "--seed") {
      if (++i == count) usage();
      (argument == "--seed" ? seed : changes) = strtoull(arguments[i], nullptr, 10);
    } else if (argument.starts_with("-")) {
      usage();
    } else {
      for (std::string& input : read_corpus(argument)) inputs.push_back(std::move(input));
    }
  }
  for (std::string& input : fuzz_seeds()) inputs.push_back(std::move(input));
  inputs.emplace_back();
  prepare();
  for (const std::string& input : inputs) run(input);
  for (uint64_t i = 0; i < changes; ++i) {
    Random random = Random::stream(seed, std::to_string(i));
    std::string input = inputs[random.below(inputs.size())];
    for (uint64_t times = 1 + random.below(5); times > 0; --times) change(input, random, inputs);
    run(input);
  }
  std::printf("%zu inputs, %llu changed\n", inputs.size(),
              static_cast<unsigned long long>(changes));
  return 0;
}

}  // namespace
}  // namespace mishap::testing

int main(int count, char** arguments) { return mishap::testing::replay(count, arguments); }
