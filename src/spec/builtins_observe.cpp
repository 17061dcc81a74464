// observe.*, decoder, and their old spellings: what besides a service's calls becomes events.
#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "mishap/base/text.h"

#include "binding.h"
#include "values.h"
#include "world.h"

namespace mishap::spec {
namespace {

using engine::Observation;
using starlark::Signature;
namespace types = starlark::types;

// --- decoder ---

Result<Value> make_decoder(CallContext& call, std::string name, const std::string* pattern) {
  NamedDecoder named{name, nullptr};
  if (name == "json") named.decoder = event::json_decoder();
  if (name == "logfmt") named.decoder = event::logfmt_decoder();
  if (name == "regex") {
    if (pattern == nullptr) return call.error("the regex decoder needs pattern=");
    auto compiled = event::regex_decoder(*pattern);
    if (!compiled) return call.error(compiled.error().message);
    if (pattern->find("(?P<") == std::string::npos && pattern->find("(?<") == std::string::npos) {
      return call.error(fmt::format(
          "pattern \"{}\" names no group, so it gives no field; write (?P<name>…)", *pattern));
    }
    named.decoder = *compiled;
  } else if (pattern != nullptr) {
    return call.error(fmt::format("the {} decoder takes no pattern", name));
  }
  if (named.decoder == nullptr) {
    std::vector<std::string> known = {"json", "logfmt", "regex"};
    return call.error(fmt::format("unknown decoder \"{}\"{}", name, nearest_or_all(name, known)));
  }
  return call.heap().make<DecoderValue>(std::move(named));
}

// --- observe ---

void take_decoder(CallContext& call, size_t at, Observation& observation) {
  if (call.has(at))
    observation.decoder = starlark::host_cast<DecoderValue>(call[at])->value.decoder;
}

Result<std::string> take_name(CallContext& call, std::string_view what) {
  std::string name(call.text(0));
  if (name.empty()) return call.error(fmt::format("{} is empty", what));
  MISHAP_TRY(refuse_nul(call, what, name));
  return name;
}

Result<void> check_topic(CallContext& call, const std::string& name) {
  // What a broker accepts (org.apache.kafka.common.internals.Topic).
  bool fits = name.size() <= 249 && name != "." && name != ".." &&
              std::all_of(name.begin(), name.end(), [](unsigned char c) {
                return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-';
              });
  if (fits) return {};
  return call.error(
      fmt::format("\"{}\" cannot be a topic: names have at most 249 letters, digits, '.', '_' and "
                  "'-'",
                  truncated(name, 60)));
}

Result<void> check_poll_url(CallContext& call, const std::string& url) {
  std::string rest;
  for (std::string_view scheme : {"http://", "https://"}) {
    if (url.starts_with(scheme)) rest = url.substr(scheme.size());
  }
  std::string authority = rest.substr(0, rest.find_first_of("/?#"));
  if (authority.find(':') == std::string::npos) authority += ":80";
  if (!rest.empty() && net::parse_endpoint(authority)) return {};
  return call.error(
      fmt::format("cannot poll \"{}\"; write a URL such as \"http://localhost:8080/status\"", url));
}

Result<Value> make_observe(CallContext& call, Observation::Source source) {
  Observation observation{.source = source};
  switch (source) {
    case Observation::Source::standard_output:
    case Observation::Source::standard_error:
      take_decoder(call, 0, observation);
      break;
    case Observation::Source::topic: {
      MISHAP_ASSIGN(observation.name, take_name(call, "the topic"));
      MISHAP_TRY(check_topic(call, observation.name));
      take_decoder(call, 1, observation);
      break;
    }
    case Observation::Source::wal_stream: {
      if (call.has(0)) {
        MISHAP_ASSIGN(observation.tables, string_list(call, 0, "tables"));
      }
      break;
    }
    case Observation::Source::tail: {
      MISHAP_ASSIGN(observation.name, take_name(call, "the path"));
      if (!observation.name.starts_with('/'))
        return call.error(fmt::format("\"{}\" is not an absolute path", observation.name));
      take_decoder(call, 1, observation);
      break;
    }
    case Observation::Source::poll: {
      MISHAP_ASSIGN(observation.name, take_name(call, "the URL"));
      MISHAP_TRY(check_poll_url(call, observation.name));
      if (call.has(1)) {
        MISHAP_ASSIGN(observation.interval, positive_duration(call, "interval", call.text(1)));
      }
      take_decoder(call, 2, observation);
      break;
    }
  }
  return call.heap().make<ObserveValue>(std::move(observation));
}

Signature observe_signature(const std::string& name, Observation::Source source) {
  Signature signature(name);
  const auto& decoder = types::host("decoder");
  switch (source) {
    case Observation::Source::standard_output:
    case Observation::Source::standard_error:
      return std::move(signature).keyword_only().nullable("decoder", decoder);
    case Observation::Source::topic:
      return std::move(signature).required("topic", types::kString).nullable("decoder", decoder);
    case Observation::Source::wal_stream:
      return std::move(signature).keyword_only().nullable("tables", types::kList);
    case Observation::Source::tail:
      return std::move(signature).required("path", types::kString).nullable("decoder", decoder);
    case Observation::Source::poll:
      return std::move(signature)
          .required("url", types::kString)
          .optional("interval", kDurationType)
          .nullable("decoder", decoder);
  }
  return signature;
}

/// The older spelling stays as good as the newer one.
void prefer(CallContext& call, const std::string& newer) {
  world_of(call).add_message(
      LoadMessage::Level::info, call.thread().caller_pos(),
      fmt::format("{}() works; the newer spelling is {}", call.name(), newer));
}

void define_old_decoders(World& world) {
  define(world, Signature("json_decoder"), [](CallContext& call) {
    prefer(call, "decoder(\"json\")");
    return make_decoder(call, "json", nullptr);
  });
  define(world, Signature("logfmt_decoder"), [](CallContext& call) {
    prefer(call, "decoder(\"logfmt\")");
    return make_decoder(call, "logfmt", nullptr);
  });
  define(world, Signature("regex_decoder").required("pattern", types::kString),
         [](CallContext& call) {
           prefer(call, "decoder(\"regex\", pattern=…)");
           std::string pattern(call.text(0));
           return make_decoder(call, "regex", &pattern);
         });
}

}  // namespace

void install_observation(World& world) {
  define(world,
         Signature("decoder")
             .required("name", types::kString)
             .positional_only()
             .optional("pattern", types::kString),
         [](CallContext& call) -> Result<Value> {
           std::string pattern(call.has(1) ? call.text(1) : "");
           return make_decoder(call, std::string(call.text(0)), call.has(1) ? &pattern : nullptr);
         });
  std::vector<std::pair<std::string, Value>> members;
  for (auto source : {Observation::Source::standard_output, Observation::Source::standard_error,
                      Observation::Source::topic, Observation::Source::wal_stream,
                      Observation::Source::tail, Observation::Source::poll}) {
    const std::string name(engine::to_string(source));
    members.emplace_back(name,
                         starlark::make_builtin(
                             world.interpreter.heap(), observe_signature("observe." + name, source),
                             [source](CallContext& call) { return make_observe(call, source); }));
    define(world, observe_signature(name, source), [source, name](CallContext& call) {
      prefer(call, fmt::format("observe.{}()", name));
      return make_observe(call, source);
    });
  }
  world.interpreter.predeclare("observe", world.interpreter.heap().make<starlark::NamespaceObject>(
                                              "observe", std::move(members)));
  define_old_decoders(world);
}

}  // namespace mishap::spec
