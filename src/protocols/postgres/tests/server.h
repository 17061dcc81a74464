// A throw-away PostgreSQL server on a free port, started once for all tests of the program.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <glob.h>
#include <gtest/gtest.h>
#include <pwd.h>
#include <signal.h>
#include <unistd.h>

#include "mishap/protocols/postgres/postgres.h"

namespace mishap::protocols::postgres {

class TestServer {
 public:
  static TestServer& instance() {
    static TestServer server;
    return server;
  }
  bool running() const { return running_; }
  const std::string& problem() const { return problem_; }
  uint16_t port() const { return port_; }
  static std::map<std::string, std::string> env() {
    return {{"POSTGRES_PASSWORD", "it's secret"}, {"POSTGRES_DB", "postgres"}};
  }

 private:
  TestServer() { start(); }
  ~TestServer() {
    if (pid_ > 0) {
      kill(pid_, SIGQUIT);
      waitpid(pid_, nullptr, 0);
    }
    std::error_code ignored;
    if (!directory_.empty()) std::filesystem::remove_all(directory_, ignored);
  }

  void start() {
    const std::string bin = find_bin();
    if (bin.empty()) {
      problem_ = "no PostgreSQL server in /usr/lib/postgresql (apt install postgresql)";
      return;
    }
    char name[] = "/tmp/mishap-pg-XXXXXX";
    if (!mkdtemp(name)) return;
    directory_ = name;
    std::string as_user;
    if (geteuid() == 0) {
      const passwd* user = getpwnam("postgres") ? getpwnam("postgres") : getpwnam("nobody");
      if (!user || chown(name, user->pw_uid, user->pw_gid) != 0) return;
      const std::string uid = std::to_string(user->pw_uid);
      as_user = "setpriv --reuid=" + uid + " --regid=" + std::to_string(user->pw_gid) +
                " --clear-groups --pdeathsig=QUIT ";
    }
    port_ = free_port();
    const std::string prepare =
        "cd " + directory_ + " && printf \"it's secret\\n\" > pw && chmod 644 pw && " + as_user +
        bin + "/initdb -N -D " + directory_ +
        "/data -U postgres --pwfile=pw -A scram-sha-256 -E UTF8 --no-locale > log 2>&1";
    if (system(prepare.c_str()) != 0) {
      problem_ = "initdb failed: " + prepare;
      return;
    }
    const std::string run =
        "exec " + as_user + bin + "/postgres -D " + directory_ + "/data -k " + directory_ +
        " -c listen_addresses=127.0.0.1 -c fsync=off -c shared_buffers=16MB -p " +
        std::to_string(port_) + " > " + directory_ + "/log 2>&1";
    pid_ = fork();
    if (pid_ == 0) {
      execl("/bin/sh", "sh", "-c", run.c_str(), nullptr);
      _exit(127);
    }
    const auto deadline = net::Clock::now() + std::chrono::seconds(20);
    while (net::Clock::now() < deadline) {
      if (postgres_protocol().ready({"127.0.0.1", port_}, env(), deadline)) {
        running_ = true;
        return;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    problem_ = "the server did not start";
  }

  static std::string find_bin() {
    glob_t found{};
    std::string bin;
    if (glob("/usr/lib/postgresql/*/bin", 0, nullptr, &found) == 0)
      bin = found.gl_pathv[found.gl_pathc - 1];
    globfree(&found);
    return bin;
  }
  static uint16_t free_port() {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), size), 0);
    getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
    close(fd);
    return ntohs(address.sin_port);
  }

  std::string directory_;
  std::string problem_;
  pid_t pid_ = 0;
  uint16_t port_ = 0;
  bool running_ = false;
};

}  // namespace mishap::protocols::postgres
