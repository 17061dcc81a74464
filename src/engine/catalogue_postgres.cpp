// PostgreSQL, as the official image runs it (docker-entrypoint.sh of
// github.com/docker-library/postgres): the same variables, the same init scripts, the same
// pg_hba.conf apart from one thing. The image trusts 127.0.0.1, which in a container is only
// itself; in a cell it may be anybody, so there a password is asked for as it is of everybody else
// in the image.
#include <algorithm>
#include <clocale>
#include <fstream>
#include <map>
#include <sstream>

#include <pwd.h>
#include <unistd.h>

#include "mishap/base/text.h"
#include "mishap/sandbox/cell.h"

#include "catalogue.h"
#include "command.h"
#include "environment.h"
#include "postgres_servers.h"
#include "prepared.h"

namespace mishap::engine {
namespace {

namespace fs = std::filesystem;

constexpr const char* kScriptsDirectory = "/docker-entrypoint-initdb.d";

/// Makes the data directory. Runs as the cells' user; what it needs comes in variables. `set -e`
/// ends it at the first failure. The server does not speak TLS here, whatever its flags say: the
/// certificate is the cell's.
constexpr const char* kPrepareScript = R"script(
set -euo pipefail
export PATH="$MISHAP_BIN:$PATH" PGHOST="$MISHAP_SOCKETS" PGUSER="$POSTGRES_USER" PGDATABASE="$POSTGRES_DB"
cd "$MISHAP_STAGING"
login=()
if [ -n "$POSTGRES_PASSWORD" ]; then
  printf '%s\n' "$POSTGRES_PASSWORD" > password
  login=(--pwfile=password)
fi
eval 'initdb -D "$PGDATA" --no-sync --username="$POSTGRES_USER" "${login[@]}" --auth=trust --encoding=UTF8 --locale="$MISHAP_LOCALE" '"${POSTGRES_INITDB_ARGS:-}"
rm -f password

method=${POSTGRES_HOST_AUTH_METHOD:-$(postgres -C password_encryption -D "$PGDATA")}
printf 'local all all trust\nhost all all all %s\nlocal replication all trust\n' "$method" > "$PGDATA/pg_hba.conf"
cat >> "$PGDATA/postgresql.conf" <<'conf'

# As the image has it, and small: a cell's database lives for a moment.
listen_addresses = '*'
shared_buffers = 16MB
huge_pages = off
timezone = 'UTC'
log_timezone = 'UTC'
conf

if [ "$POSTGRES_DB" != postgres ]; then
  # Single-user mode needs no server, but it ends with 0 whatever happened.
  created=$(printf 'CREATE DATABASE "%s";\n' "${POSTGRES_DB//\"/\"\"}" | postgres --single -D "$PGDATA" postgres 2>&1)
  case $created in *ERROR:*|*FATAL:*) printf '%s\n' "$created" >&2; exit 1;; esac
fi

docker_process_sql() {
  psql -v ON_ERROR_STOP=1 --no-psqlrc --no-password "$@"
}
if [ -d initdb.d ]; then
  trap 'pg_ctl -D "$PGDATA" -s -m immediate stop || true' EXIT
  pg_ctl -D "$PGDATA" -s -w -t 60 -l server.log -o "-c listen_addresses= -c unix_socket_directories=$MISHAP_SOCKETS -c fsync=off $MISHAP_SERVER_FLAGS -c ssl=off" start
  for f in initdb.d/*; do
    echo "running /docker-entrypoint-${f}"
    case "$f" in
      *.sh) if [ -x "$f" ]; then "$f"; else . "./$f"; fi ;;
      *.sql) docker_process_sql -q -f "$f" ;;
      *.sql.gz) gunzip -c "$f" | docker_process_sql -q ;;
      *.sql.xz) xzcat "$f" | docker_process_sql -q ;;
      *.sql.zst) zstd -dc "$f" | docker_process_sql -q ;;
      *) echo "ignoring $f" ;;
    esac
  done
  trap - EXIT
  pg_ctl -D "$PGDATA" -s -w -m fast stop
fi
)script";

/// The image's locale if this machine has it.
std::string server_locale() {
  for (const char* name : {"en_US.UTF-8", "C.UTF-8"}) {
    if (locale_t locale = newlocale(LC_ALL_MASK, name, nullptr)) {
      freelocale(locale);
      return name;
    }
  }
  return "C";
}

struct InitScript {
  std::string name;
  fs::path path;
};

/// What volumes put into /docker-entrypoint-initdb.d, by name.
Result<std::vector<InitScript>> init_scripts(const Service& service, const EngineOptions& options) {
  std::map<std::string, fs::path> by_name;
  for (const Volume& volume : service.volumes) {
    const fs::path target = fs::path(volume.container).lexically_normal();
    const auto source = volume_path(volume, options);
    if (!source) continue;
    if (target.parent_path() == kScriptsDirectory && target.has_filename()) {
      by_name[target.filename()] = *source;
    } else if (target == kScriptsDirectory || target == std::string(kScriptsDirectory) + "/") {
      std::error_code error;
      for (const auto& entry : fs::directory_iterator(*source, error)) {
        if (entry.is_regular_file()) by_name[entry.path().filename()] = entry.path();
      }
      if (error) return fail("volume " + volume.host + ": " + error.message(), error.value());
    }
  }
  std::vector<InitScript> scripts;
  scripts.reserve(by_name.size());
  for (auto& [name, path] : by_name) scripts.push_back({name, path});
  return scripts;
}

Result<std::string> read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  if (!in) return fail_errno("read " + path.string());
  text << in.rdbuf();
  return text.str();
}

std::string env_or(const Service& service, std::string_view name, const std::string& otherwise) {
  const std::string* value = service.find_env(name);
  return value && !value->empty() ? *value : otherwise;
}

class PostgresEntry final : public CatalogueEntry {
 public:
  std::string_view name() const override { return "postgres"; }
  std::vector<std::string> images() const override { return {"postgres"}; }
  std::vector<std::string> installed(const EngineOptions&) const override {
    std::vector<std::string> texts;
    for (const PostgresServer& server : find_postgres_servers()) texts.push_back(described(server));
    return texts;
  }
  std::string missing(const EngineOptions&) const override {
    return "no PostgreSQL server in /usr/lib/postgresql/*/bin, /usr/pgsql-*/bin, "
           "/usr/libexec/postgresql*, PATH or where pg_config says";
  }
  std::string remedy() const override { return "apt install postgresql"; }
  std::vector<std::string> handled_volumes(const Service&) const override {
    return {kScriptsDirectory};
  }

  Result<std::optional<Launch>> launch(const CatalogueRequest& request) const override {
    static const std::vector<PostgresServer> servers = find_postgres_servers();
    const std::optional<int> wanted = request.image.major_version();
    const PostgresServer* server = choose_server(servers, wanted);
    if (!server) return std::optional<Launch>();
    MISHAP_TRY(check_password(request.service));
    MISHAP_TRY(check_data_volume(request));
    MISHAP_ASSIGN(std::vector<std::string> flags, server_flags(request.service));
    MISHAP_ASSIGN(fs::path prepared, prepare(request, *server, flags));

    // The socket goes where no other server of the cell has one: /tmp is shared.
    Launch launch;
    const std::string data = data_path(request.service);
    const ListeningPort port = server_port(request.service, "postgres", 5432);
    launch.argv = {(server->directory / "postgres").string(),
                   "-D",
                   data,
                   "-c",
                   "port=" + std::to_string(port.port),
                   "-c",
                   "unix_socket_directories=" + data};
    if (request.service.observes(Observation::Source::wal_stream)) {
      // A slot and a sender for each database.
      launch.argv.insert(launch.argv.end(),
                         {"-c", "wal_level=logical", "-c", "max_replication_slots=64", "-c",
                          "max_wal_senders=64"});
    }
    launch.argv.insert(launch.argv.end(), flags.begin(), flags.end());
    launch.env = clean_environment();
    launch.env.front().second.insert(0, server->directory.string() + ":");
    launch.env = service_environment(std::move(launch.env), request.service, request.addresses);
    set_variable(launch.env, "PGDATA", data);
    launch.clones = {{prepared, data, 0700}};
    launch.cwd = data;
    launch.ports = {port};
    launch.readiness_protocol = "postgres";
    launch.description = described(*server);
    if (wanted && *wanted != server->major) {
      launch.description += ", for want of version " + std::to_string(*wanted);
    }
    return std::optional(std::move(launch));
  }

 private:
  static std::string described(const PostgresServer& server) {
    return "PostgreSQL " + server.version + " from " + server.directory.string();
  }

  static std::string data_path(const Service& service) {
    return env_or(service, "PGDATA", "/var/lib/postgresql/data");
  }

  static Result<void> check_password(const Service& service) {
    if (!env_or(service, "POSTGRES_PASSWORD", "").empty() ||
        env_or(service, "POSTGRES_HOST_AUTH_METHOD", "") == "trust") {
      return {};
    }
    return fail(
        "Database is uninitialized and superuser password is not specified. You must specify "
        "POSTGRES_PASSWORD to a non-empty value for the superuser, as in "
        "env={\"POSTGRES_PASSWORD\": \"password\"}. You may also use "
        "\"POSTGRES_HOST_AUTH_METHOD=trust\" to allow all connections without a password");
  }

  /// A named volume is empty at first, as the data directory of a cell is anyway; a directory of
  /// the host would be written to.
  static Result<void> check_data_volume(const CatalogueRequest& request) {
    for (const Volume& volume : request.service.volumes) {
      if (fs::path(volume.container).lexically_normal() != data_path(request.service)) continue;
      if (volume_path(volume, request.options)) {
        return fail("volume " + volume.host + " at " + volume.container +
                    ": a cell's database has a data directory of its own; give it content with "
                    "scripts in /docker-entrypoint-initdb.d");
      }
    }
    return {};
  }

  /// The command after the image's name: flags of the server, or `postgres` and its flags.
  static Result<std::vector<std::string>> server_flags(const Service& service) {
    std::vector<std::string> flags = service.args;
    if (!flags.empty() && flags.front() == "postgres") flags.erase(flags.begin());
    if (!flags.empty() && !flags.front().starts_with("-")) {
      return fail(
          "args= of the postgres image must be flags or a command that begins with "
          "postgres, not \"" +
          flags.front() + "\"");
    }
    return flags;
  }

  static Result<fs::path> prepare(const CatalogueRequest& request, const PostgresServer& server,
                                  const std::vector<std::string>& flags) {
    const Service& service = request.service;
    const std::string user = env_or(service, "POSTGRES_USER", "postgres");
    Environment env = clean_environment();
    // Scripts see what the spec gave the service; what the preparation needs comes after and wins.
    for (const auto& [name, value] : service.env) set_variable(env, name, value);
    set_variable(env, "POSTGRES_USER", user);
    set_variable(env, "POSTGRES_DB", env_or(service, "POSTGRES_DB", user));
    set_variable(env, "POSTGRES_PASSWORD", env_or(service, "POSTGRES_PASSWORD", ""));
    set_variable(env, "PATH", clean_environment().front().second);
    set_variable(env, "MISHAP_LOCALE", server_locale());

    MISHAP_ASSIGN(std::vector<InitScript> scripts, init_scripts(service, request.options));
    const sandbox::CellUser owner = sandbox::cell_user();
    CacheKey key;
    key.add(kPrepareScript).add(server.directory.string()).add(server.version);
    key.add(std::to_string(owner.uid));
    for (const char* name :
         {"POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD", "POSTGRES_INITDB_ARGS",
          "POSTGRES_HOST_AUTH_METHOD", "MISHAP_LOCALE"}) {
      auto found =
          std::find_if(env.begin(), env.end(), [&](const auto& v) { return v.first == name; });
      key.add(found == env.end() ? "" : found->second);
    }
    std::map<std::string, std::string> contents;
    for (const InitScript& script : scripts) {
      MISHAP_ASSIGN(contents[script.name], read_file(script.path));
      key.add(script.name).add(contents[script.name]).add(is_executable(script.path) ? "x" : "");
    }
    if (!scripts.empty()) {
      // Scripts may read any variable, and may need an extension that the flags load.
      for (const auto& [name, value] : service.env) key.add(name).add(value);
      for (const std::string& flag : flags) key.add(flag);
    }
    const fs::path cache =
        request.options.cache_dir.empty() ? default_cache_dir() : request.options.cache_dir;
    return prepared_directory(cache, "postgres", key.text(), [&](const fs::path& staging) {
      return build(staging, server, owner, env, scripts, contents, flags,
                   request.options.interrupt_fd);
    });
  }

  static Result<void> build(const fs::path& staging, const PostgresServer& server,
                            sandbox::CellUser owner, Environment env,
                            const std::vector<InitScript>& scripts,
                            const std::map<std::string, std::string>& contents,
                            const std::vector<std::string>& flags, int interrupt_fd) {
    hand_over(staging, owner);
    std::error_code error;
    if (!scripts.empty()) {
      const fs::path directory = staging / "initdb.d";
      fs::create_directory(directory, error);
      if (error) return fail("make " + directory.string() + ": " + error.message(), error.value());
      hand_over(directory, owner);
      for (const InitScript& script : scripts) {
        const fs::path copy = directory / script.name;
        std::ofstream(copy, std::ios::binary) << contents.at(script.name);
        fs::permissions(copy, is_executable(script.path) ? fs::perms(0755) : fs::perms(0644),
                        error);
        hand_over(copy, owner);
      }
    }
    set_variable(env, "PGDATA", (staging / "data").string());
    set_variable(env, "MISHAP_BIN", server.directory.string());
    set_variable(env, "MISHAP_STAGING", staging.string());
    // A socket's path has at most 107 bytes, which a cache directory may exceed; /tmp is private.
    set_variable(env, "MISHAP_SOCKETS", "/tmp");
    set_variable(env, "MISHAP_SERVER_FLAGS", quoted(flags));
    Command command{.argv = {"/bin/bash", "-c", kPrepareScript, "prepare"},
                    .env = env,
                    .interrupt_fd = interrupt_fd};
    auto output = run_confined(command, {.writes = staging, .visible = {server.directory}});
    if (!output) return fail(std::move(output).error().context("prepare PostgreSQL"));
    if (output->exit_code != 0) {
      std::string log = output->text;
      if (auto server_log = read_file(staging / "server.log"); server_log && scripts.empty())
        log += *server_log;
      return fail("PostgreSQL could not be prepared (exit code " +
                  std::to_string(output->exit_code) + "):\n  " + last_lines(log, 12));
    }
    for (const char* leftover : {"initdb.d", "server.log", "password"}) {
      fs::remove_all(staging / leftover, error);
    }
    return {};
  }

  /// For the shell that pg_ctl starts the server with.
  static std::string quoted(const std::vector<std::string>& words) {
    std::string out;
    for (const std::string& word : words) out += "'" + replace_all(word, "'", "'\\''") + "' ";
    return out;
  }
};

}  // namespace

const CatalogueEntry& postgres_entry() {
  static const PostgresEntry entry;
  return entry;
}

}  // namespace mishap::engine
