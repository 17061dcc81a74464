#include "mishap/engine/native.h"

#include <cstdlib>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "mishap/base/testing/temporary_directory.h"

#include "catalogue.h"
#include "environment.h"
#include "image_name.h"
#include "postgres_servers.h"
#include "prepared.h"

namespace mishap::engine {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Pair;

Service image_service(std::string name, std::string image) {
  Service service;
  service.name = std::move(name);
  service.source = Service::Source::image;
  service.text = std::move(image);
  service.interfaces = {{"main", "http", 8080, ""}};
  return service;
}

fs::path make_program(const fs::path& path) {
  fs::create_directories(path.parent_path());
  std::ofstream(path) << "#!/bin/sh\n";
  fs::permissions(path, fs::perms(0755));
  return path;
}

std::string error_of(const Service& service, const EngineOptions& options = {}) {
  const auto launch = resolve(service, options, {});
  return launch ? "no error" : launch.error().message;
}

TEST(ImageName, Parts) {
  EXPECT_EQ(parse_image_name("postgres").official, "postgres");
  EXPECT_EQ(parse_image_name("postgres:16-alpine").tag, "16-alpine");
  EXPECT_EQ(parse_image_name("postgres:16-alpine").major_version(), 16);
  EXPECT_EQ(parse_image_name("postgres:latest").major_version(), std::nullopt);
  EXPECT_EQ(parse_image_name("docker.io/library/postgres:16@sha256:abc").official, "postgres");
  EXPECT_EQ(parse_image_name("mirror:5000/library/redis:7").official, "redis");
  EXPECT_EQ(parse_image_name("mirror:5000/library/redis:7").name, "mirror:5000/library/redis");
  EXPECT_EQ(parse_image_name("bitnami/postgres:16").official, "");
  EXPECT_TRUE(parse_image_name("mirror:5000/x/apache/kafka:3").repository_is("apache/kafka"));
  EXPECT_FALSE(parse_image_name("my-apache/kafka").repository_is("apache/kafka"));
  EXPECT_EQ(parse_image_name("mylibrary/postgres").official, "");
}

TEST(FindMapping, ReferenceThenNameThenGlob) {
  const std::map<std::string, std::vector<std::string>> images = {
      {"app:1", {"one"}}, {"app", {"any"}}, {"org/*", {"glob"}}};
  EXPECT_EQ(find_mapping(images, "app:1")->front(), "one");
  EXPECT_EQ(find_mapping(images, "app:2")->front(), "any");
  EXPECT_EQ(find_mapping(images, "org/x:2")->front(), "glob");
  EXPECT_EQ(find_mapping(images, "other:2"), nullptr);
}

TEST(Environment, OfRootHasAHomeThatACellMayEnter) {
  const char* before = std::getenv("HOME");
  const std::string home = before != nullptr ? before : "";
  for (const auto& [name, value] : users_environment()) {
    if (name == "HOME") {
      EXPECT_EQ(value, geteuid() == 0 ? "/tmp" : home);
    }
  }
}

TEST(Environment, AddressesUnderBothPrefixes) {
  Environment env;
  add_addresses(env, {{"user-db", "pg", "user-db", 5432}});
  EXPECT_THAT(env, Contains(Pair("FAULTBOX_USER-DB_PG_ADDR", "user-db:5432")));
  EXPECT_THAT(env, Contains(Pair("FAULTBOX_USER_DB_PG_HOST", "user-db")));
  EXPECT_THAT(env, Contains(Pair("MISHAP_USER_DB_PG_PORT", "5432")));
}

TEST(Environment, PlaceholdersAndOwnValuesWin) {
  Service service = image_service("api", "x");
  service.env = {
      {"URL", "kafka://__FB_PROXY_ADDR_k__b__/t?h=__FB_PROXY_HOST_k__b__&p=__FB_PROXY_PORT_k__b__"},
      {"OTHER", "__FB_PROXY_ADDR_no__b__"},
      {"FAULTBOX_K_B_HOST", "mine"},
      {"DATABASE", "postgres://u@db:5432/x"}};
  const Environment env = service_environment({{"URL", "old"}}, service, {{"k", "b", "k", 9092}});
  EXPECT_THAT(env, Contains(Pair("URL", "kafka://k:9092/t?h=k&p=9092")));
  EXPECT_THAT(env, Contains(Pair("OTHER", "__FB_PROXY_ADDR_no__b__")));
  EXPECT_THAT(env, Contains(Pair("FAULTBOX_K_B_HOST", "mine")));
  EXPECT_THAT(env, Contains(Pair("DATABASE", "postgres://u@db:5432/x")));
}

TEST(Addresses, ContainersHaveNames) {
  Service db = image_service("db", "postgres");
  Service api = image_service("api", "");
  api.source = Service::Source::binary;
  const auto addresses = interface_addresses({db, api}, api);
  ASSERT_EQ(addresses.size(), 2u);
  EXPECT_EQ(addresses[0].host, "db");
  EXPECT_EQ(addresses[1].host, "127.0.0.1");
  EXPECT_FALSE(addresses[1].behind_gateway);
  const auto of_db = interface_addresses({db, api}, db);
  EXPECT_EQ(of_db[0].host, "db");
  EXPECT_EQ(of_db[1].host, "api");
  EXPECT_TRUE(of_db[1].behind_gateway);
}

TEST(Addresses, LocalhostOfABinaryIsItsNameInAContainer) {
  Service api = image_service("api", "x");
  api.interfaces = {{"main", "http", 80, ""}};
  const std::vector<InterfaceAddress> addresses = {{"web", "main", "web", 8080, true},
                                                   {"own", "main", "own", 80, true},
                                                   {"db", "pg", "db", 5432, false}};
  auto seen = [&](const std::string& text) { return as_consumer_sees(text, api, addresses); };
  EXPECT_EQ(seen("http://localhost:8080/x"), "http://web:8080/x");
  EXPECT_EQ(seen("127.0.0.1:8080,localhost:8080"), "web:8080,web:8080");
  EXPECT_EQ(seen("localhost:80 localhost:5432"), "localhost:80 localhost:5432");
  EXPECT_EQ(seen("localhost:80801 mylocalhost:8080 my.localhost:8080 127.0.0.1:808"),
            "localhost:80801 mylocalhost:8080 my.localhost:8080 127.0.0.1:808");
  EXPECT_EQ(seen("u:p@localhost:8080"), "u:p@web:8080");
}

TEST(Resolve, BinaryBesideTheSpec) {
  TemporaryDirectory root;
  make_program(root.path() / "bin/api");
  Service service = image_service("api", "./bin/api");
  service.source = Service::Source::binary;
  service.args = {"--port", "8080"};
  EngineOptions options;
  options.spec_dir = root.path();
  const auto launch = resolve(service, options, {});
  ASSERT_TRUE(launch) << launch.error().message;
  EXPECT_THAT(launch->argv, ElementsAre((root.path() / "bin/api").string(), "--port", "8080"));
  EXPECT_FALSE(launch->own_network);
  EXPECT_EQ(launch->ports.front().port, 8080);
  EXPECT_EQ(launch->readiness_protocol, "");
}

TEST(Resolve, BinaryErrors) {
  TemporaryDirectory root;
  EngineOptions options;
  options.spec_dir = root.path();
  Service service = image_service("api", "./bin/none");
  service.source = Service::Source::binary;
  EXPECT_EQ(error_of(service, options),
            "service \"api\": program \"./bin/none\" does not exist; tried " +
                (fs::current_path() / "bin/none").string() + ", " +
                (root.path() / "bin/none").string());
  service.text = "no-such-program";
  EXPECT_EQ(error_of(service, options),
            "service \"api\": program \"no-such-program\" is not in PATH (write ./no-such-program "
            "for a file)");
  std::ofstream(root.path() / "data") << "x";
  service.text = "./data";
  EXPECT_EQ(error_of(service, options), "service \"api\": " + (root.path() / "data").string() +
                                            " is not executable (chmod +x)");
  service.text = root.path().string();
  EXPECT_EQ(error_of(service, options),
            "service \"api\": " + root.path().string() + " is a directory, not a program");
}

TEST(Resolve, MappedImage) {
  TemporaryDirectory root;
  make_program(root.path() / "app");
  EngineOptions options;
  options.images_dir = root.path();
  options.images = {{"myapp", {"./app", "serve"}}};
  Service service = image_service("api", "myapp:latest");
  service.args = {"--x"};
  const auto launch = resolve(service, options, {});
  ASSERT_TRUE(launch) << launch.error().message;
  const std::string program = (root.path() / "app").string();
  EXPECT_THAT(launch->argv, ElementsAre(program, "serve", "--x"));
  EXPECT_EQ(launch->cwd, root.path());
  EXPECT_EQ(launch->description, "myapp:latest → " + program + " (mapped)");
  EXPECT_TRUE(launch->own_network);
}

TEST(Resolve, UnknownImageSaysEverythingTried) {
  EXPECT_EQ(
      error_of(image_service("api", "myapp:latest")),
      "service \"api\": nothing here runs image \"myapp:latest\". Tried:\n"
      "  --image and mishap.yaml: no entry for \"myapp:latest\", \"myapp\" and no pattern "
      "that fits\n"
      "  catalogue: knows postgres, redis, confluentinc/cp-kafka, apache/kafka, bitnami/kafka\n"
      "To mend it:\n"
      "  --image myapp:latest=PROGRAM, or in mishap.yaml:\n"
      "    images:\n"
      "      myapp:latest: PROGRAM");
}

TEST(Resolve, OtherSources) {
  Service service = image_service("x", "./app");
  service.source = Service::Source::build;
  EXPECT_EQ(error_of(service),
            "service \"x\": nothing here builds \"./app\": this version runs programs, not "
            "containers. To say which program it is:\n"
            "  --image ./app=PROGRAM (the context) or --image x=PROGRAM (the service), or in "
            "mishap.yaml:\n"
            "    images:\n"
            "      ./app: PROGRAM");
  service.source = Service::Source::remote;
  EXPECT_EQ(error_of(service), "service \"x\": a remote service has no program to start");
  service.source = Service::Source::mock;
  EXPECT_EQ(error_of(service), "service \"x\": a mock has no program to start");
}

TEST(Resolve, BuildMayBeMapped) {
  TemporaryDirectory root;
  const fs::path program = make_program(root.path() / "app");
  Service service = image_service("x", "./app");
  service.source = Service::Source::build;
  EngineOptions options;
  service.args = {"--fast"};
  for (const char* key : {"x", "./app", "app"}) {
    options.images = {{key, {program.string(), "serve"}}};
    const auto launch = resolve(service, options, {});
    ASSERT_TRUE(launch) << launch.error().message;
    EXPECT_EQ(launch->description, std::string(key) + " → " + program.string() + " (mapped)");
    EXPECT_THAT(launch->argv, ElementsAre(program.string(), "serve", "--fast"));
  }
}

TEST(Resolve, Volumes) {
  TemporaryDirectory root;
  make_program(root.path() / "app");
  fs::create_directory(root.path() / "conf");
  EngineOptions options;
  options.spec_dir = root.path();
  options.images = {{"a", {"./app"}}};
  Service service = image_service("api", "a");
  service.volumes = {{"./conf", "/etc/app/", true}, {"named", "/data", false}};
  const auto launch = resolve(service, options, {});
  ASSERT_TRUE(launch) << launch.error().message;
  ASSERT_EQ(launch->binds.size(), 1u);
  EXPECT_EQ(launch->binds[0].host, root.path() / "conf");
  EXPECT_TRUE(launch->binds[0].read_only);
  EXPECT_THAT(launch->private_dirs, ElementsAre(fs::path("/data")));
  service.volumes = {{"./none", "/x", false}};
  EXPECT_EQ(error_of(service, options),
            "service \"api\": volume ./none: " + (root.path() / "none").string() +
                " does not exist (a name without / is a named volume, "
                "which begins empty)");
  service.volumes = {{"./conf", "/etc/app", false}, {"named", "/etc/app/", false}};
  EXPECT_EQ(error_of(service, options),
            "service \"api\": volume named: /etc/app is already that of volume ./conf");
  service = image_service("db", "postgres:16");
  service.env = {{"POSTGRES_PASSWORD", "x"}};
  service.volumes = {{"./init.sql", "/docker-entrypoint-initdb.d/init.sql", true}};
  EXPECT_EQ(error_of(service, options),
            "service \"db\": volume ./init.sql: " + (root.path() / "init.sql").string() +
                " does not exist (a name without / is a named volume, "
                "which begins empty)");
  service = image_service("api", "a");
  service.volumes = {{"./conf", "x", false}};
  EXPECT_EQ(error_of(service, options),
            "service \"api\": volume ./conf: container path \"x\" must be absolute");
}

TEST(SharedVolumes, TwoDirectoriesAtOnePlaceAreRefused) {
  std::map<std::string, Launch> launches;
  launches["a"].binds = {{"/host/a", "/etc/app", true}};
  launches["b"].binds = {{"/host/a", "/etc/app", false}, {"/host/b", "/etc/other", false}};
  EXPECT_TRUE(check_shared_volumes(launches));
  launches["c"].binds = {{"/host/c", "/etc/other", false}};
  EXPECT_EQ(check_shared_volumes(launches).error().message,
            "service \"c\": volume /host/c at /etc/other: service \"b\" has /host/b there, and the "
            "services of a cell share their files; give one of them another path");
}

TEST(SeparateDirectories, SecondOfAKindMovesAside) {
  Launch launch;
  launch.argv = {"/bin/server", "-D", "/data", "-c", "sockets=/data", "/data/x"};
  launch.env = {{"PGDATA", "/data"}};
  launch.cwd = "/data";
  launch.clones = {{"/cache/1", "/data", 0700}};
  Launch third;
  third.private_dirs = {"/data", "/other"};
  std::map<std::string, Launch> launches = {{"a", launch}, {"b", launch}, {"c", third}};
  separate_directories(launches);
  EXPECT_THAT(launches["a"].argv,
              ElementsAre("/bin/server", "-D", "/data", "-c", "sockets=/data", "/data/x"));
  EXPECT_THAT(launches["b"].argv,
              ElementsAre("/bin/server", "-D", "/data-b", "-c", "sockets=/data-b", "/data/x"));
  EXPECT_THAT(launches["b"].env, ElementsAre(Pair("PGDATA", "/data-b")));
  EXPECT_EQ(launches["b"].cwd, "/data-b");
  EXPECT_EQ(launches["b"].clones[0].path, "/data-b");
  EXPECT_THAT(launches["c"].private_dirs, ElementsAre(fs::path("/data-c"), fs::path("/other")));
}

TEST(PostgresServers, VersionText) {
  const auto server =
      parse_postgres_version("/b", "postgres (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)\n");
  ASSERT_TRUE(server);
  EXPECT_EQ(server->version, "15.20");
  EXPECT_EQ(server->major, 15);
  EXPECT_FALSE(parse_postgres_version("/b", "postgres: not found"));
}

TEST(PostgresServers, ChoosesTheWantedElseTheNewestOlder) {
  const std::vector<PostgresServer> servers = {
      {"/13", "13.9", 13}, {"/15a", "15.9", 15}, {"/15b", "15.20", 15}, {"/17", "17.1", 17}};
  EXPECT_EQ(choose_server(servers, 15)->directory, "/15b");
  EXPECT_EQ(choose_server(servers, 16)->directory, "/15b");
  EXPECT_EQ(choose_server(servers, 18)->directory, "/17");
  EXPECT_EQ(choose_server(servers, 12)->directory, "/17");
  EXPECT_EQ(choose_server(servers, std::nullopt)->directory, "/17");
  EXPECT_EQ(choose_server({}, 15), nullptr);
}

TEST(Prepared, MadeOnceAndNeverHalf) {
  TemporaryDirectory root;
  int built = 0;
  auto build = [&](const fs::path& staging) -> Result<void> {
    ++built;
    fs::create_directory(staging / "data");
    return {};
  };
  auto broken = [&](const fs::path& staging) -> Result<void> {
    fs::create_directory(staging / "data");
    return fail("no luck");
  };
  EXPECT_EQ(prepared_directory(root.path(), "k", "1", broken).error().message, "no luck");
  EXPECT_FALSE(fs::exists(root.path() / "k/1"));
  EXPECT_EQ(*prepared_directory(root.path(), "k", "1", build), root.path() / "k/1/data");
  EXPECT_EQ(*prepared_directory(root.path(), "k", "1", build), root.path() / "k/1/data");
  EXPECT_EQ(built, 1);
}

TEST(Prepared, CacheThatCannotBe) {
  TemporaryDirectory root;
  std::ofstream(root.path() / "file") << "x";
  EXPECT_EQ(prepared_directory(root.path() / "file", "k", "1", {}).error().message,
            "make " + (root.path() / "file/k").string() + ": Not a directory");
}

TEST(Prepared, KeysTellPartsApart) {
  EXPECT_NE(CacheKey().add("ab").add("c").text(), CacheKey().add("a").add("bc").text());
  EXPECT_EQ(CacheKey().add("ab").text(), CacheKey().add("ab").text());
  EXPECT_EQ(CacheKey().text().size(), 32u);
}

TEST(ExplainStartFailure, LoneUserinfo) {
  const std::vector<std::pair<std::string, std::string>> env = {
      {"PORT", "80"}, {"DATABASE_URL", "postgres://test@db:5432/mydb"}};
  const std::string hint =
      "DATABASE_URL is \"postgres://test@db:5432/mydb\": \"test\" is the user there, and no "
      "password is "
      "given. If it is meant as the password, write \"postgres://postgres:test@db:5432/mydb\"; to "
      "let "
      "everybody in, give the database POSTGRES_HOST_AUTH_METHOD=trust";
  EXPECT_EQ(
      explain_start_failure({"x", "FATAL: password authentication failed for user \"test\""}, env),
      hint);
  EXPECT_EQ(explain_start_failure({"fe_sendauth: no password supplied"}, env), hint);
  EXPECT_EQ(explain_start_failure({"FATAL:  role \"test\" does not exist"}, env), hint);
}

TEST(ExplainStartFailure, OtherCauses) {
  EXPECT_EQ(
      explain_start_failure({"pq: password authentication failed"}, {{"U", "postgres://a:b@db/x"}}),
      "the login was refused: compare user and password in its env with those of the service it "
      "talks to");
  EXPECT_EQ(
      explain_start_failure({"bind: Address already in use"}, {}),
      "its port is taken: another service of the spec, or a second copy of itself, listens there");
  EXPECT_EQ(explain_start_failure({"dial tcp: lookup db: no such host"}, {}),
            "a host name did not resolve: in a cell only the names of the spec's services do");
  const std::string config = "org.apache.kafka.common.config.ConfigException: ";
  EXPECT_EQ(explain_start_failure({config + "Invalid value many for configuration num.partitions",
                                   "\tat kafka.Kafka$.main(Kafka.scala:82)"},
                                  {}),
            "the broker refuses its settings: Invalid value many for configuration "
            "num.partitions");
  EXPECT_EQ(
      explain_start_failure({"java.lang.IllegalArgumentException: requirement failed: no listener",
                             "\tat kafka.Kafka$.main(Kafka.scala:82)"},
                            {}),
      "the broker refuses its settings: no listener");
  EXPECT_EQ(explain_start_failure({config + "of another program"}, {}), std::nullopt);
  EXPECT_EQ(explain_start_failure({"all is well"}, {{"U", "postgres://a@db/x"}}), std::nullopt);
  EXPECT_EQ(explain_start_failure({}, {}), std::nullopt);
}

}  // namespace
}  // namespace mishap::engine
