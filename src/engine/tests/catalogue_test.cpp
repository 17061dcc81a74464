// The catalogue with the servers of this machine.
#include "catalogue.h"

#include <fstream>

#include <sys/stat.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mishap/base/testing/temporary_directory.h"
#include "mishap/engine/native.h"
#include "mishap/sandbox/cell.h"

#include "command.h"
#include "postgres_servers.h"

namespace mishap::engine {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

class PostgresCatalogue : public ::testing::Test {
 protected:
  void SetUp() override {
    servers_ = find_postgres_servers();
    if (servers_.empty())
      GTEST_SKIP() << "no PostgreSQL server is installed (apt install postgresql)";
    service_.name = "db";
    service_.source = Service::Source::image;
    service_.text = "postgres:16";
    service_.interfaces = {{"pg", "postgres", 5432, ""}};
    service_.env = {{"POSTGRES_PASSWORD", "test"}, {"POSTGRES_DB", "mydb"}};
    options_.cache_dir = root_.path() / "cache";
    options_.spec_dir = root_.path();
  }

  /// What single-user mode answers to a query on a copy of the prepared data.
  std::string ask(const Launch& launch, const std::string& database, const std::string& sql) {
    const fs::path copy = root_.path() / "copy";
    fs::remove_all(copy);
    constexpr const char* kScript =
        R"(cp -a "$1" "$2" && chmod 700 "$2" && echo "$4" | "$5" --single -D "$2" "$3")";
    Command command{.argv = {"/bin/sh", "-c", kScript, "ask", launch.clones.at(0).prepared.string(),
                             copy.string(), database, sql, launch.argv.at(0)},
                    .env = {{"PATH", "/usr/bin:/bin"}}};
    chmod(root_.path().c_str(), 0777);
    auto output = run_confined(command, {.writes = root_.path(), .visible = {launch.argv.at(0)}});
    return output ? output->text : output.error().message;
  }

  TemporaryDirectory root_;
  std::vector<PostgresServer> servers_;
  Service service_;
  EngineOptions options_;
};

TEST_F(PostgresCatalogue, LaunchesAsTheImageWould) {
  service_.args = {"-c", "max_connections=20"};
  const auto launch = resolve(service_, options_, interface_addresses({service_}, service_));
  ASSERT_TRUE(launch) << launch.error().message;
  const PostgresServer& server = *choose_server(servers_, 16);
  EXPECT_THAT(launch->argv, ElementsAre((server.directory / "postgres").string(), "-D",
                                        "/var/lib/postgresql/data", "-c", "port=5432", "-c",
                                        "unix_socket_directories=/var/lib/postgresql/data", "-c",
                                        "max_connections=20"));
  EXPECT_EQ(launch->description,
            "postgres:16 → PostgreSQL " + server.version + " from " + server.directory.string() +
                (server.major == 16 ? "" : ", for want of version 16") + " (catalogue)");
  EXPECT_EQ(launch->readiness_protocol, "postgres");
  EXPECT_TRUE(launch->own_network);
  EXPECT_EQ(launch->ports.at(0).port, 5432);
  EXPECT_THAT(launch->env, Contains(Pair("POSTGRES_DB", "mydb")));
  EXPECT_THAT(launch->env, Contains(Pair("PGDATA", "/var/lib/postgresql/data")));
  ASSERT_EQ(launch->clones.size(), 1u);
  EXPECT_EQ(launch->clones[0].path, "/var/lib/postgresql/data");

  const fs::path prepared = launch->clones[0].prepared;
  struct stat info{};
  ASSERT_EQ(stat(prepared.c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, sandbox::cell_user().uid);
  std::ifstream hba(prepared / "pg_hba.conf");
  std::string text((std::istreambuf_iterator<char>(hba)), {});
  EXPECT_EQ(text,
            "local all all trust\nhost all all all scram-sha-256\nlocal replication all trust\n");
  EXPECT_THAT(ask(*launch, "mydb", "SELECT current_database()"),
              HasSubstr("current_database = \"mydb\""));

  // The second time nothing is made.
  const auto before = fs::last_write_time(prepared.parent_path());
  const auto again = resolve(service_, options_, {});
  EXPECT_EQ(again->clones.at(0).prepared, prepared);
  EXPECT_EQ(fs::last_write_time(prepared.parent_path()), before);
}

TEST_F(PostgresCatalogue, InitScriptsRunOnceInOrder) {
  fs::create_directory(root_.path() / "init");
  std::ofstream(root_.path() / "init/1.sql")
      << "CREATE TABLE t (n int); INSERT INTO t VALUES (1);\n";
  std::ofstream(root_.path() / "init/2.sh")
      << "docker_process_sql -q <<< \"INSERT INTO t VALUES (41 + ${EXTRA})\"\n";
  service_.volumes = {{"./init", "/docker-entrypoint-initdb.d", false}};
  service_.env.emplace_back("EXTRA", "1");
  const auto launch = resolve(service_, options_, {});
  ASSERT_TRUE(launch) << launch.error().message;
  EXPECT_THAT(launch->binds, IsEmpty());
  EXPECT_THAT(ask(*launch, "mydb", "SELECT sum(n) AS total FROM t"), HasSubstr("total = \"43\""));

  std::ofstream(root_.path() / "init/3.sql") << "SELEC;\n";
  const auto broken = resolve(service_, options_, {});
  ASSERT_FALSE(broken);
  EXPECT_THAT(
      broken.error().message,
      testing::StartsWith("service \"db\": PostgreSQL could not be prepared (exit code 3):\n  "));
  EXPECT_THAT(broken.error().message,
              HasSubstr("initdb.d/3.sql:1: ERROR:  syntax error at or near \"SELEC\""));
}

TEST_F(PostgresCatalogue, TrustAndOwnUser) {
  service_.env = {{"POSTGRES_HOST_AUTH_METHOD", "trust"}, {"POSTGRES_USER", "app"}};
  const auto launch = resolve(service_, options_, {});
  ASSERT_TRUE(launch) << launch.error().message;
  std::ifstream hba(launch->clones.at(0).prepared / "pg_hba.conf");
  std::string text((std::istreambuf_iterator<char>(hba)), {});
  EXPECT_THAT(text, HasSubstr("host all all all trust\n"));
  EXPECT_THAT(ask(*launch, "app", "SELECT rolname FROM pg_roles WHERE rolname = 'app'"),
              HasSubstr("rolname = \"app\""));
}

TEST_F(PostgresCatalogue, LogicalWal) {
  service_.observe = {{.source = Observation::Source::wal_stream}};
  const auto launch = resolve(service_, options_, {});
  ASSERT_TRUE(launch) << launch.error().message;
  EXPECT_THAT(launch->argv, Contains("wal_level=logical"));
}

TEST_F(PostgresCatalogue, Errors) {
  service_.env.clear();
  EXPECT_EQ(resolve(service_, options_, {}).error().message,
            "service \"db\": Database is uninitialized and superuser password is not specified. "
            "You must specify "
            "POSTGRES_PASSWORD to a non-empty value for the superuser, as in "
            "env={\"POSTGRES_PASSWORD\": \"password\"}. You may also use "
            "\"POSTGRES_HOST_AUTH_METHOD=trust\" to allow all connections without a password");
  service_.env = {{"POSTGRES_PASSWORD", "x"}};
  service_.args = {"bash"};
  EXPECT_EQ(resolve(service_, options_, {}).error().message,
            "service \"db\": args= of the postgres image must be flags or a command that begins "
            "with postgres, "
            "not \"bash\"");
  service_.args = {};
  std::filesystem::create_directory(options_.spec_dir / "data");
  service_.volumes = {{"./data", "/var/lib/postgresql/data", false}};
  EXPECT_EQ(resolve(service_, options_, {}).error().message,
            "service \"db\": volume ./data at /var/lib/postgresql/data: a cell's database has a "
            "data directory of "
            "its own; give it content with scripts in /docker-entrypoint-initdb.d");
  service_.volumes = {};
  service_.env.emplace_back("POSTGRES_INITDB_ARGS", "--no-such-flag");
  EXPECT_THAT(resolve(service_, options_, {}).error().message, HasSubstr("no-such-flag"));
}

TEST(RedisCatalogue, LaunchesAsTheImageWould) {
  Service service;
  service.name = "cache";
  service.source = Service::Source::image;
  service.text = "redis:7";
  service.interfaces = {{"redis", "redis", 6400, ""}};
  service.args = {"redis-server", "--appendonly", "yes"};
  auto launch = resolve(service, {}, {});
  if (!launch && launch.error().message.find("no redis-server in PATH") != std::string::npos) {
    GTEST_SKIP() << "no Redis server is installed (apt install redis-server)";
  }
  ASSERT_TRUE(launch) << launch.error().message;
  const std::string program = launch->argv.at(0);
  EXPECT_THAT(launch->argv, ElementsAre(program, "--port", "6400", "--protected-mode", "no",
                                        "--dir", "/data", "--appendonly", "yes"));
  EXPECT_THAT(launch->description, testing::StartsWith("redis:7 → Redis "));
  EXPECT_THAT(launch->description, testing::EndsWith(" from " + program + " (catalogue)"));
  EXPECT_EQ(launch->cwd, "/data");
  EXPECT_EQ(launch->readiness_protocol, "redis");
  service.args = {"/etc/redis.conf", "--save", ""};
  EXPECT_THAT(resolve(service, {}, {})->argv,
              ElementsAre(program, "/etc/redis.conf", "--port", "6400", "--protected-mode", "no",
                          "--dir", "/data", "--save", ""));
  service.args = {"sh"};
  EXPECT_EQ(resolve(service, {}, {}).error().message,
            "service \"cache\": args= of the redis image must be flags, a .conf file or a command "
            "that begins with "
            "redis-server, not \"sh\"");
}

}  // namespace
}  // namespace mishap::engine
