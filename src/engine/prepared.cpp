#include "prepared.h"

#include <cerrno>
#include <vector>

#include <sys/file.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "mishap/base/text.h"
#include "mishap/base/unique_fd.h"

namespace mishap::engine {
namespace {

namespace fs = std::filesystem;

/// What is new is readable by everybody whatever the umask: the cells' user is not always the
/// caller.
Result<void> make_directories(const fs::path& path) {
  std::error_code error;
  if (fs::is_directory(path, error)) return {};
  if (path.has_parent_path() && path.parent_path() != path) {
    MISHAP_TRY(make_directories(path.parent_path()));
  }
  if (mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) return fail_errno("make " + path.string());
  chmod(path.c_str(), 0755);
  return {};
}

/// Held until the descriptor closes; the file stays, because removing it would let two processes
/// lock two files.
Result<UniqueFd> lock_file(const fs::path& path) {
  UniqueFd file(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!file) return fail_errno("open " + path.string());
  while (flock(file.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return fail_errno("lock " + path.string());
  }
  return file;
}

/// What a process that died while building left behind.
void remove_leftovers(const fs::path& parent, const std::string& prefix) {
  std::error_code ignored;
  std::vector<fs::path> leftovers;
  for (const auto& entry : fs::directory_iterator(parent, ignored)) {
    if (entry.path().filename().string().starts_with(prefix)) leftovers.push_back(entry.path());
  }
  for (const fs::path& path : leftovers) fs::remove_all(path, ignored);
}

}  // namespace

CacheKey& CacheKey::add(std::string_view part) {
  constexpr uint64_t kPrime = 0x100000001b3;
  auto mix = [&](unsigned char byte) {
    first_ = (first_ ^ byte) * kPrime;
    second_ = (second_ ^ (byte + 1u)) * kPrime;
  };
  for (size_t length = part.size(), i = 0; i < 8; ++i, length >>= 8)
    mix(static_cast<unsigned char>(length));
  for (char c : part) mix(static_cast<unsigned char>(c));
  return *this;
}

std::string CacheKey::text() const { return fmt::format("{:016x}{:016x}", first_, second_); }

Result<fs::path> prepared_directory(const fs::path& cache, const std::string& kind,
                                    const std::string& key,
                                    const std::function<Result<void>(const fs::path&)>& build) {
  const fs::path parent = cache / kind;
  const fs::path entry = parent / key;
  const std::string staging_prefix = key + ".tmp.";
  std::error_code ignored;
  if (fs::exists(entry / "data", ignored)) {
    // A program whose caller was killed may have written on while the next caller built anew.
    remove_leftovers(parent, staging_prefix);
    return entry / "data";
  }
  MISHAP_TRY(make_directories(parent));
  MISHAP_ASSIGN(UniqueFd lock, lock_file(parent / (key + ".lock")));
  if (fs::exists(entry / "data", ignored)) return entry / "data";

  remove_leftovers(parent, staging_prefix);
  const fs::path staging = parent / fmt::format("{}{}", staging_prefix, getpid());
  MISHAP_TRY(make_directories(staging));
  if (auto built = build(staging); !built) {
    fs::remove_all(staging, ignored);
    return fail(built.error());
  }
  if (rename(staging.c_str(), entry.c_str()) != 0) {
    auto error = fail_errno("rename " + staging.string());
    fs::remove_all(staging, ignored);
    return error;
  }
  return entry / "data";
}

void hand_over(const fs::path& path, sandbox::CellUser user) {
  if (geteuid() == 0 && lchown(path.c_str(), user.uid, user.gid) != 0) return;
}

std::string last_lines(std::string_view text, size_t count) {
  std::vector<std::string> lines;
  for (std::string_view line : split(trim(text), '\n')) lines.emplace_back(line);
  if (lines.size() > count) lines.erase(lines.begin(), lines.end() - static_cast<ptrdiff_t>(count));
  return join(lines, "\n  ");
}

}  // namespace mishap::engine
