// What a file may do beyond plain Starlark.
#pragma once

namespace mishap::starlark {

/// Switches of the language; each one only ever permits more. The parser, the resolver and the
/// interpreter are given the same one.
struct Dialect {
  bool allow_set = true;                 ///< the universal name `set`
  bool allow_while = false;              ///< `while` loops
  bool allow_top_level_control = false;  ///< `if`, `for` and `while` outside functions
  /// A file may bind a name of its top level again, and loaded names too. Then a use at top level
  /// means what the name means at that point of the file, so `http = http(80)` reads the
  /// predeclared `http`; otherwise a global shadows it in the whole file.
  bool allow_global_reassign = false;
  bool allow_recursion = false;  ///< a function may be active twice on one call stack
  bool load_binds_globally =
      false;  ///< loaded names are globals of the loading module and can be loaded from it
};

}  // namespace mishap::starlark
