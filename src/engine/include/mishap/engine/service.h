// What a spec declares of a service, as plain values. The spec bridge fills them in; engines turn
// them into processes.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mishap/base/duration.h"
#include "mishap/base/source_pos.h"
#include "mishap/event/decoder.h"
#include "mishap/net/certificate.h"

namespace mishap::engine {

/// `tls_cert(…)`: what the files that it names held when the spec was loaded.
struct Tls {
  std::optional<net::Identity> proxy;   ///< what relays show; nothing: one of the run's authority
  std::optional<net::Identity> client;  ///< what relays and steps show to the server
  std::string ca;                       ///< whom to take for the server, PEM; "": by default
  bool insecure = false;                ///< anybody
};

/// `interface(name, protocol, port, spec=, tls=)`.
struct Interface {
  std::string name;
  std::string protocol;
  uint16_t port = 0;
  std::string spec;                ///< absolute path of a contract, "" = none
  std::shared_ptr<const Tls> tls;  ///< null: it does not speak TLS; shared by copies
};

/// `tcp(…)`, `http(…)`, `ready()`, `kafka_ready(…)`.
struct Healthcheck {
  enum class Kind { tcp, http, ready, kafka } kind = Kind::tcp;
  std::string address;  ///< "localhost:5432" or "http://localhost:8080/health"; "" for ready()
  Nanoseconds timeout = std::chrono::seconds(10);
  SourcePos pos;
};

/// `host → container` of `volumes=`.
struct Volume {
  std::string host;  ///< as written; a relative path is relative to the spec's directory
  std::string container;
  bool read_only = false;  ///< written as a `:ro` suffix
};

/// One item of `observe=`: `observe.stdout(decoder=…)`, `observe.topic("orders")`, …
struct Observation {
  enum class Source { standard_output, standard_error, topic, wal_stream, tail, poll };
  Source source = Source::standard_output;
  /// Null: lines are decoded automatically, messages are text.
  std::shared_ptr<const event::Decoder> decoder;
  std::string name;                 ///< the topic, the path of a tail, the URL of a poll
  std::vector<std::string> tables;  ///< globs of a wal_stream; empty: all
  Nanoseconds interval = std::chrono::seconds(5);  ///< of a poll
};
/// "stdout", "stderr", "topic", "wal_stream", "tail", "poll".
std::string_view to_string(Observation::Source source);

/// `op(syscalls=, path=)`.
struct NamedOperation {
  std::vector<std::string> syscalls;
  std::string path_glob;  ///< "" = any
};

/// One `service(…)` or `mock_service(…)`.
struct Service {
  enum class Source { binary, image, build, remote, mock };

  std::string name;
  Source source = Source::binary;
  std::string
      text;  ///< path, image reference, build directory or endpoint, as written; "" for a mock
  std::vector<std::string> args;
  std::vector<std::pair<std::string, std::string>> env;  ///< in the spec's order, names unique
  std::vector<Interface> interfaces;
  std::optional<Healthcheck> healthcheck;
  std::vector<std::string> depends_on;
  std::vector<Volume> volumes;
  std::map<uint16_t, uint16_t> ports;  ///< container port → host port, 0 = any
  bool reuse = false;
  bool seccomp = true;
  std::vector<Observation> observe;
  std::map<std::string, NamedOperation> ops;
  SourcePos pos;

  /// Whether it stands for a container: it has a network and a name of its own.
  bool from_image() const { return source == Source::image || source == Source::build; }
  const Interface* find_interface(std::string_view interface_name) const;
  bool observes(Observation::Source observed) const;
  /// Value of an environment variable the spec gave, or null.
  const std::string* find_env(std::string_view variable) const;
};

/// How services are found on this machine.
struct EngineOptions {
  /// Image reference, name without tag, or glob (`myorg/*`) → words of a command line. From
  /// `--image` and mishap.yaml.
  std::map<std::string, std::vector<std::string>> images;
  /// Where programs that stand for images start (the directory of mishap.yaml); empty: `spec_dir`.
  std::filesystem::path images_dir;
  std::filesystem::path spec_dir;   ///< relative paths of the spec start here
  std::filesystem::path cache_dir;  ///< prepared data directories; see default_cache_dir()
  bool keep = false;                ///< keep what services wrote after the cell
  int interrupt_fd = -1;            ///< readable: preparing ends with an error; -1: it cannot be
};

}  // namespace mishap::engine
