// The Java runtime that runs servers written for it.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace mishap::engine {

struct JavaRuntime {
  std::filesystem::path program;  ///< bin/java, no symbolic link
  std::filesystem::path home;     ///< what the program reads: its libraries and modules
  std::string version;            ///< "17.0.15"
  int major = 0;
};

/// What was found, or why nothing was: "JAVA_HOME (not set), PATH (no java), /usr/lib/jvm (none)".
struct JavaSearch {
  std::optional<JavaRuntime> found;
  std::string tried;
};

/// The first runtime of at least version `least` in JAVA_HOME, PATH and /usr/lib/jvm. Asks a
/// program for its version only where no file beside it says it.
JavaSearch find_java(int least);

/// 17 of "17.0.15" and "17-ea", 8 of "1.8.0_392"; 0 of what is no version.
int java_major(std::string_view version);
/// `JAVA_VERSION="17.0.15"` of the file `release` in a runtime's home; "" when it does not say.
std::string java_version_of_release(std::string_view text);

}  // namespace mishap::engine
