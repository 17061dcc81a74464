#include "libpq.h"

#include "mishap/base/dynamic_library.h"

namespace mishap::protocols::postgres {
namespace {

Result<Libpq> open_library() {
  MISHAP_ASSIGN(auto library,
                DynamicLibrary::load("libpq.so.5", "PostgreSQL client library", "libpq5"));
  Libpq functions;
#define MISHAP_LIBPQ_LOAD(name) MISHAP_TRY(library.find(#name, functions.name));
  MISHAP_LIBPQ_FUNCTIONS(MISHAP_LIBPQ_LOAD)
#undef MISHAP_LIBPQ_LOAD
  return functions;
}

}  // namespace

Result<const Libpq*> load_libpq() {
  static const Result<Libpq> loaded = open_library();
  if (!loaded) return fail(loaded.error());
  return &*loaded;
}

}  // namespace mishap::protocols::postgres
