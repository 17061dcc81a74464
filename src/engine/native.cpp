#include "mishap/engine/native.h"

#include <algorithm>
#include <cstdlib>
#include <set>

#include <sys/stat.h>

#include <unistd.h>

#include "mishap/base/text.h"

#include "catalogue.h"
#include "environment.h"
#include "image_name.h"

namespace mishap::engine {

namespace fs = std::filesystem;

bool is_executable(const fs::path& path) {
  struct stat info{};
  return stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) &&
         (info.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) != 0;
}

fs::path find_in_path(const std::string& program, const std::string& directories) {
  for (std::string_view directory : split(directories, ':')) {
    if (directory.empty()) continue;
    fs::path candidate = fs::path(directory) / program;
    if (is_executable(candidate)) return candidate;
  }
  return {};
}

std::optional<fs::path> volume_path(const Volume& volume, const EngineOptions& options) {
  const std::string& host = volume.host;
  if (host.find('/') == std::string::npos && !host.starts_with(".")) return std::nullopt;
  const fs::path base = options.spec_dir.empty() ? fs::current_path() : options.spec_dir;
  return fs::absolute(base / host).lexically_normal();
}

ListeningPort server_port(const Service& service, std::string_view protocol, uint16_t standard) {
  for (const Interface& interface : service.interfaces) {
    if (interface.protocol == protocol) return {interface.port, interface.name};
  }
  if (service.interfaces.empty()) return {standard, ""};
  return {service.interfaces.front().port, service.interfaces.front().name};
}

const std::vector<const CatalogueEntry*>& catalogue() {
  static const std::vector<const CatalogueEntry*> entries = {&postgres_entry(), &redis_entry(),
                                                             &kafka_entry()};
  return entries;
}

const CatalogueEntry* find_entry(const ImageName& image) {
  for (const CatalogueEntry* entry : catalogue()) {
    for (const std::string& name : entry->images()) {
      const bool official = name.find('/') == std::string::npos;
      if (official ? image.official == name : image.repository_is(name)) return entry;
    }
  }
  return nullptr;
}

fs::path default_cache_dir() {
  auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value ? value : "");
  };
  if (const std::string chosen = variable("MISHAP_CACHE_DIR"); !chosen.empty()) return chosen;
  if (geteuid() == 0) return "/var/cache/mishap";
  if (const std::string xdg = variable("XDG_CACHE_HOME"); !xdg.empty())
    return fs::path(xdg) / "mishap";
  const std::string home = variable("HOME");
  return home.empty() ? fs::path("/tmp") / ("mishap-cache-" + std::to_string(geteuid()))
                      : fs::path(home) / ".cache" / "mishap";
}

std::vector<InterfaceAddress> interface_addresses(const std::vector<Service>& services,
                                                  const Service& consumer) {
  std::vector<InterfaceAddress> addresses;
  for (const Service& service : services) {
    const bool named = service.from_image() || consumer.from_image();
    for (const Interface& interface : service.interfaces) {
      addresses.push_back({service.name, interface.name, named ? service.name : "127.0.0.1",
                           interface.port, consumer.from_image() && !service.from_image()});
    }
  }
  return addresses;
}

namespace {

/// Absolute path of a program as a spec or a user wrote it; relative paths are tried from each
/// directory in turn.
Result<std::string> locate(const std::string& program, const std::vector<fs::path>& directories) {
  if (program.find('/') == std::string::npos) {
    const char* path = std::getenv("PATH");
    const fs::path found = find_in_path(program, path ? path : "/usr/local/bin:/usr/bin:/bin");
    if (!found.empty()) return found.string();
    return fail("program \"" + program + "\" is not in PATH (write ./" + program + " for a file)");
  }
  std::vector<std::string> tried;
  for (const fs::path& directory : directories) {
    const fs::path candidate = (directory / program).lexically_normal();
    std::error_code ignored;
    if (is_executable(candidate)) return candidate.string();
    if (fs::is_directory(candidate, ignored))
      return fail(candidate.string() + " is a directory, not a program");
    if (fs::exists(candidate, ignored))
      return fail(candidate.string() + " is not executable (chmod +x)");
    if (std::find(tried.begin(), tried.end(), candidate.string()) == tried.end())
      tried.push_back(candidate.string());
  }
  std::string remedy;
  if (program.find(' ') != std::string::npos) remedy = "; its arguments go into args=";
  return fail("program \"" + program + "\" does not exist; tried " + join(tried, ", ") + remedy);
}

std::vector<ListeningPort> declared_ports(const Service& service) {
  std::vector<ListeningPort> ports;
  ports.reserve(service.interfaces.size());
  for (const Interface& interface : service.interfaces)
    ports.push_back({interface.port, interface.name});
  return ports;
}

void append_args(Launch& launch, const Service& service,
                 const std::vector<InterfaceAddress>& addresses) {
  for (const std::string& arg : service.args)
    launch.argv.push_back(as_consumer_sees(arg, service, addresses));
}

Result<Launch> resolve_binary(const Service& service, const EngineOptions& options,
                              const std::vector<InterfaceAddress>& addresses) {
  Launch launch;
  const fs::path here = fs::current_path();
  std::vector<fs::path> directories = {here};
  if (!options.spec_dir.empty()) directories.push_back(fs::absolute(options.spec_dir));
  MISHAP_ASSIGN(std::string program, locate(service.text, directories));
  launch.argv = {program};
  append_args(launch, service, addresses);
  launch.env = service_environment(users_environment(), service, addresses);
  launch.cwd = here;
  launch.ports = declared_ports(service);
  launch.description = program;
  return launch;
}

Result<Launch> resolve_mapped(const Service& service, const std::vector<std::string>& command,
                              const EngineOptions& options,
                              const std::vector<InterfaceAddress>& addresses) {
  if (command.empty()) return fail("the program for image \"" + service.text + "\" is empty");
  Launch launch;
  fs::path base = options.images_dir.empty() ? options.spec_dir : options.images_dir;
  base = fs::absolute(base.empty() ? fs::current_path() : base);
  MISHAP_ASSIGN(std::string program, locate(command.front(), {fs::current_path(), base}));
  launch.argv = {program};
  launch.argv.insert(launch.argv.end(), command.begin() + 1, command.end());
  append_args(launch, service, addresses);
  launch.env = service_environment(users_environment(), service, addresses);
  launch.cwd = base;
  launch.ports = declared_ports(service);
  launch.own_network = true;
  launch.description = service.text + " → " + program + " (mapped)";
  return launch;
}

std::string not_found(const Service& service, const std::string& catalogue_says,
                      const std::string& remedy) {
  const std::string& reference = service.text;
  const std::string name = parse_image_name(reference).name;
  std::string keys = "\"" + reference + "\"";
  if (name != reference) keys += ", \"" + name + "\"";
  std::string out = "nothing here runs image \"" + reference + "\". Tried:\n";
  out += "  --image and mishap.yaml: no entry for " + keys + " and no pattern that fits\n";
  out += "  catalogue: " + catalogue_says + "\n";
  out += "To mend it:\n";
  if (!remedy.empty()) out += "  " + remedy + "\n";
  out += "  --image " + reference + "=PROGRAM, or in mishap.yaml:\n    images:\n      " +
         reference + ": PROGRAM";
  return out;
}

Result<Launch> resolve_image(const Service& service, const EngineOptions& options,
                             const std::vector<InterfaceAddress>& addresses) {
  if (const auto* command = find_mapping(options.images, service.text)) {
    return resolve_mapped(service, *command, options, addresses);
  }
  const ImageName image = parse_image_name(service.text);
  if (const CatalogueEntry* entry = find_entry(image)) {
    MISHAP_ASSIGN(std::optional<Launch> launch,
                  entry->launch({service, image, options, addresses}));
    if (!launch) return fail(not_found(service, entry->missing(options), entry->remedy()));
    launch->own_network = true;
    launch->description = service.text + " → " + launch->description + " (catalogue)";
    return *launch;
  }
  std::vector<std::string> known;
  for (const CatalogueEntry* entry : catalogue()) {
    for (std::string& name : entry->images()) known.push_back(std::move(name));
  }
  return fail(not_found(service, "knows " + join(known, ", "), ""));
}

}  // namespace

std::vector<std::string> mapped_names(const Service& service) {
  if (service.source == Service::Source::image) return {service.text};
  if (service.source != Service::Source::build) return {};
  return {service.text, fs::path(service.text).lexically_normal().string(),
          "mishap-" + service.name + ":latest", "faultbox-" + service.name + ":latest",
          service.name};
}

bool mapping_serves(const std::string& image, const Service& service) {
  const std::map<std::string, std::vector<std::string>> alone = {{image, {}}};
  const std::vector<std::string> names = mapped_names(service);
  return std::any_of(names.begin(), names.end(),
                     [&](const std::string& name) { return find_mapping(alone, name) != nullptr; });
}

namespace {

Result<Launch> resolve_build(const Service& service, const EngineOptions& options,
                             const std::vector<InterfaceAddress>& addresses) {
  Service as_image = service;
  as_image.text = service.name;
  for (const std::string& key : mapped_names(service)) {
    if (const auto* command = find_mapping(options.images, key)) {
      as_image.text = key;
      return resolve_mapped(as_image, *command, options, addresses);
    }
  }
  return fail(
      "nothing here builds \"" + service.text +
      "\": this version runs programs, not containers. To say which program it is:\n  --image " +
      service.text + "=PROGRAM (the context) or --image " + service.name +
      "=PROGRAM (the service), or in mishap.yaml:\n    images:\n      " + service.text +
      ": PROGRAM");
}

/// Before anything else looks at them: what does not exist cannot be an init script either.
Result<void> check_volumes(const Service& service, const EngineOptions& options) {
  std::map<fs::path, std::string> taken;
  for (const Volume& volume : service.volumes) {
    const fs::path target = fs::path(volume.container).lexically_normal();
    if (target.is_relative()) {
      return fail("volume " + volume.host + ": container path \"" + volume.container +
                  "\" must be absolute");
    }
    const fs::path place = target.has_filename() ? target : target.parent_path();
    if (auto [same, is_new] = taken.emplace(place, volume.host); !is_new) {
      return fail("volume " + volume.host + ": " + place.string() + " is already that of volume " +
                  same->second);
    }
    const auto host = volume_path(volume, options);
    std::error_code error;
    if (host && !fs::exists(*host, error)) {
      return fail("volume " + volume.host + ": " + host->string() +
                  " does not exist (a name without / is a named volume, which begins empty)");
    }
  }
  return {};
}

/// Volumes that the catalogue has not dealt with become binds; named ones an empty directory.
void add_volumes(Launch& launch, const Service& service, const EngineOptions& options,
                 const std::vector<std::string>& handled) {
  for (const Volume& volume : service.volumes) {
    const fs::path target = fs::path(volume.container).lexically_normal();
    const bool done = std::any_of(handled.begin(), handled.end(), [&](const std::string& path) {
      const std::string text = target.string();
      return text == path || text.starts_with(path + "/");
    });
    if (done) continue;
    const auto host = volume_path(volume, options);
    if (!host) {
      launch.private_dirs.push_back(target);
      continue;
    }
    launch.binds.push_back({*host, target, volume.read_only});
  }
}

Result<Launch> resolve_source(const Service& service, const EngineOptions& options,
                              const std::vector<InterfaceAddress>& addresses) {
  switch (service.source) {
    case Service::Source::binary:
      return resolve_binary(service, options, addresses);
    case Service::Source::image:
      return resolve_image(service, options, addresses);
    case Service::Source::build:
      return resolve_build(service, options, addresses);
    case Service::Source::remote:
      return fail("a remote service has no program to start");
    case Service::Source::mock:
      return fail("a mock has no program to start");
  }
  return fail("unknown kind of service");
}

/// Words that are the directory, or have it in a list of such after '='.
void move_directory(Launch& launch, const std::string& before, const std::string& after) {
  auto move = [&](std::string& word) {
    if (word == before) word = after;
    const size_t equals = word.rfind('=');
    if (equals == std::string::npos) return;
    std::vector<std::string> directories;
    for (std::string_view one : split(std::string_view(word).substr(equals + 1), ','))
      directories.emplace_back(one == before ? after : one);
    word = word.substr(0, equals + 1) + join(directories, ",");
  };
  for (std::string& word : launch.argv) move(word);
  for (auto& [name, value] : launch.env) move(value);
  if (launch.cwd == before) launch.cwd = after;
}

}  // namespace

void separate_directories(std::map<std::string, Launch>& launches) {
  std::set<fs::path> taken;
  for (auto& [name, launch] : launches) {
    auto separate = [&](fs::path& directory) {
      if (taken.insert(directory).second) return;
      const fs::path before = directory;
      directory += "-" + name;
      taken.insert(directory);
      move_directory(launch, before.string(), directory.string());
    };
    for (ClonedDirectory& clone : launch.clones) separate(clone.path);
    for (fs::path& directory : launch.private_dirs) separate(directory);
  }
}

Result<void> check_shared_volumes(const std::map<std::string, Launch>& launches) {
  struct Owner {
    std::string service;
    fs::path host;
  };
  std::map<fs::path, Owner> owners;
  for (const auto& [name, launch] : launches) {
    for (const BindMount& bind : launch.binds) {
      const auto [owner, is_new] = owners.try_emplace(bind.path, Owner{name, bind.host});
      if (is_new || owner->second.host == bind.host) continue;
      return fail("service \"" + name + "\": volume " + bind.host.string() + " at " +
                  bind.path.string() + ": service \"" + owner->second.service + "\" has " +
                  owner->second.host.string() +
                  " there, and the services of a cell share their files; give one of them another "
                  "path");
    }
  }
  return {};
}

Result<Launch> resolve(const Service& service, const EngineOptions& options,
                       const std::vector<InterfaceAddress>& addresses) {
  const std::string subject = "service \"" + service.name + "\"";
  if (auto fine = check_volumes(service, options); !fine)
    return fail(std::move(fine).error().context(subject));
  auto launch = resolve_source(service, options, addresses);
  if (!launch) return fail(std::move(launch).error().context(subject));
  std::vector<std::string> handled;
  if (!launch->readiness_protocol.empty()) {
    if (const CatalogueEntry* entry = find_entry(parse_image_name(service.text)))
      handled = entry->handled_volumes(service);
  }
  for (const ClonedDirectory& clone : launch->clones) handled.push_back(clone.path);
  add_volumes(*launch, service, options, handled);
  return launch;
}

}  // namespace mishap::engine
