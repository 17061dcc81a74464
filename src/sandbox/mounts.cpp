#include "mounts.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <map>
#include <memory>
#include <sstream>

#include <sys/mount.h>
#include <sys/stat.h>

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace mishap::sandbox {
namespace {

/// Spaces and the like are written as \040.
std::string unescape(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    auto octal = [&](size_t at) { return at < text.size() && text[at] >= '0' && text[at] <= '7'; };
    if (text[i] == '\\' && octal(i + 1) && octal(i + 2) && octal(i + 3)) {
      out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                               (text[i + 3] - '0'));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

/// Commas end an option and colons a layer, unless escaped (overlayfs.rst, "Multiple lower
/// layers").
std::string escape_layer(std::string_view path) {
  std::string out;
  for (char c : path) {
    if (c == ',' || c == ':' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

std::vector<MountPoint> parse_mounts(std::string_view text) {
  std::map<std::string, std::string>
      by_path;  // a later line covers an earlier one of the same path
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string id, parent, device, root, path, word, type;
    words >> id >> parent >> device >> root >> path;
    while (words >> word && word != "-") {
    }
    if (words >> type) by_path[unescape(path)] = type;
  }
  std::vector<MountPoint> out;
  out.reserve(by_path.size());
  for (auto& [path, type] : by_path) out.push_back({path, type});
  return out;
}

Result<std::vector<MountPoint>> read_mounts() {
  std::string text = read_file("/proc/self/mountinfo");
  if (text.empty()) return fail("read /proc/self/mountinfo: nothing there", ENOENT);
  return parse_mounts(text);
}

bool is_within(std::string_view path, std::string_view directory) {
  if (directory == "/") return path.starts_with('/');
  return path.starts_with(directory) &&
         (path.size() == directory.size() || path[directory.size()] == '/');
}

Result<void> mount_tmpfs_at(const std::string& path, const std::string& options) {
  if (mount("tmpfs", path.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, options.c_str()) != 0) {
    return fail_errno("mount a tmpfs on " + path);
  }
  return {};
}

Result<void> mount_overlay_at(const std::string& path, const std::string& lower,
                              const std::string& upper, const std::string& work) {
  // userxattr: the only kind of private attributes that may be written in a user namespace
  // (Linux 5.11).
  std::string options = fmt::format("lowerdir={},upperdir={},workdir={},userxattr",
                                    escape_layer(lower), escape_layer(upper), escape_layer(work));
  if (mount("overlay", path.c_str(), "overlay", MS_NOSUID | MS_NODEV, options.c_str()) != 0) {
    return fail_errno("mount an overlay of " + lower);
  }
  return {};
}

Result<void> bind_mount(const std::string& source, const std::string& path, bool read_only) {
  if (mount(source.c_str(), path.c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0) {
    return fail_errno(fmt::format("bind {} to {}", source, path));
  }
  if (!read_only) return {};
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_RDONLY;
  if (mount_setattr(AT_FDCWD, path.c_str(), AT_RECURSIVE, &attributes, sizeof attributes) != 0) {
    return fail_errno(fmt::format("make {} read-only", path));
  }
  return {};
}

Result<UniqueFd> clone_mounts(const std::string& path) {
  UniqueFd tree(
      open_tree(AT_FDCWD, path.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE));
  if (!tree) return fail_errno("open " + path);
  return tree;
}

Result<void> attach_mounts(const UniqueFd& mounts, const std::string& path) {
  if (move_mount(mounts.get(), "", AT_FDCWD, path.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0) {
    return fail_errno("mount on " + path);
  }
  return {};
}

Result<void> make_directories(const std::string& path, mode_t mode) {
  for (size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    std::string part = path.substr(0, end);
    // The existence is asked for first: mkdir of a directory on a read-only mount says EROFS, not
    // EEXIST.
    if (!is_directory(part) && mkdir(part.c_str(), mode) != 0 && errno != EEXIST) {
      return fail_errno("make directory " + part);
    }
    if (end == std::string::npos) return {};
  }
}

namespace {

/// One entry of a directory that is about to be covered.
struct CoveredEntry {
  std::string name;
  bool directory = false;
  std::string link;  // target of a symbolic link, "" for others
  UniqueFd mounts;
};

Result<std::vector<CoveredEntry>> take_entries(const std::string& path) {
  std::vector<CoveredEntry> entries;
  DIR* opened = opendir(path.c_str());
  // A directory that may be searched but not listed shows nothing of itself.
  if (opened == nullptr) return entries;
  std::unique_ptr<DIR, int (*)(DIR*)> directory(opened, closedir);
  while (const dirent* found = readdir(directory.get())) {
    CoveredEntry entry;
    entry.name = found->d_name;
    if (entry.name == "." || entry.name == "..") continue;
    std::string full = path + "/" + entry.name;
    struct stat info{};
    if (lstat(full.c_str(), &info) != 0) continue;
    if (S_ISLNK(info.st_mode)) {
      char target[PATH_MAX];
      ssize_t length = readlink(full.c_str(), target, sizeof target);
      if (length <= 0) continue;
      entry.link.assign(target, static_cast<size_t>(length));
    } else {
      entry.directory = S_ISDIR(info.st_mode);
      auto mounts = clone_mounts(full);
      if (!mounts) continue;
      entry.mounts = std::move(*mounts);
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

/// Makes a directory of somebody else's writable for us: a tmpfs over it, with everything it held
/// bound into place.
Result<void> extend_directory(const std::string& path) {
  MISHAP_ASSIGN(auto entries, take_entries(path));
  MISHAP_TRY(mount_tmpfs_at(path, "mode=0755"));
  for (const auto& entry : entries) {
    std::string full = path + "/" + entry.name;
    if (!entry.link.empty()) {
      if (symlink(entry.link.c_str(), full.c_str()) != 0) return fail_errno("link " + full);
      continue;
    }
    MISHAP_TRY(make_mount_target(full, entry.directory));
    MISHAP_TRY(attach_mounts(entry.mounts, full));
  }
  return {};
}

std::string nearest_directory(std::string path) {
  while (path.size() > 1 && !is_directory(path)) path.resize(std::max<size_t>(1, path.rfind('/')));
  return path;
}

}  // namespace

Result<void> make_room(const std::string& path) {
  auto made = make_directories(path);
  if (made) return {};
  int why = made.error().code;
  if (why != EACCES && why != EPERM && why != EROFS && why != EOVERFLOW) return made;
  std::string ancestor = nearest_directory(path);
  if (ancestor == "/") return made;
  MISHAP_TRY(extend_directory(ancestor));
  return make_directories(path);
}

Result<void> make_mount_target(const std::string& path, bool is_directory) {
  if (is_directory) return make_directories(path);
  MISHAP_TRY(make_directories(path.substr(0, std::max<size_t>(1, path.rfind('/')))));
  UniqueFd file(open(path.c_str(), O_RDONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0644));
  if (!file && access(path.c_str(), F_OK) != 0) return fail_errno("make file " + path);
  return {};
}

bool is_directory(const std::string& path) {
  struct stat info{};
  return stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

Result<void> write_file(const std::string& path, std::string_view text, bool create) {
  UniqueFd file(open(path.c_str(), O_WRONLY | O_CLOEXEC | (create ? O_CREAT | O_TRUNC : 0), 0644));
  if (!file || write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    return fail_errno("write " + path);
  }
  return {};
}

std::string read_file(const std::string& path) {
  UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  char buffer[4096];
  // An error ends it like an end: some files of /proc answer EINVAL where they have nothing to say.
  for (ssize_t count; (count = read(file.get(), buffer, sizeof buffer)) > 0;) {
    text.append(buffer, static_cast<size_t>(count));
  }
  return text;
}

}  // namespace mishap::sandbox
