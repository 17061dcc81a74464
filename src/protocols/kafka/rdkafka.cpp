#include "rdkafka.h"

#include "mishap/base/dynamic_library.h"

namespace mishap::protocols::kafka {
namespace {

Result<Rdkafka> open_library() {
  MISHAP_ASSIGN(auto library,
                DynamicLibrary::load("librdkafka.so.1", "Kafka client library", "librdkafka1"));
  Rdkafka functions;
#define MISHAP_RDKAFKA_LOAD(name) MISHAP_TRY(library.find(#name, functions.name));
  MISHAP_RDKAFKA_FUNCTIONS(MISHAP_RDKAFKA_LOAD)
#undef MISHAP_RDKAFKA_LOAD
  return functions;
}

}  // namespace

Result<const Rdkafka*> load_rdkafka() {
  static const Result<Rdkafka> loaded = open_library();
  if (!loaded) return fail(loaded.error());
  return &*loaded;
}

}  // namespace mishap::protocols::kafka
