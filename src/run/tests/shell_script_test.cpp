#include "shell_script.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

namespace mishap::run {
namespace {

using ::testing::Contains;

engine::Service service(std::string name, std::vector<engine::Interface> interfaces) {
  engine::Service service;
  service.name = std::move(name);
  service.interfaces = std::move(interfaces);
  return service;
}

TEST(ShellGreeting, NamesAddressesAndFaults) {
  cell::CellPlan plan;
  plan.name = "test_matrix_buy_db_down";
  plan.services = {service("database", {{.name = "pg", .protocol = "postgres", .port = 5432}}),
                   service("api", {{.name = "http", .protocol = "http", .port = 8080},
                                   {.name = "admin", .protocol = "tcp", .port = 9}}),
                   service("job", {})};
  cell::WindowPlan window;
  fault::SyscallRule connect;
  connect.service = "api";
  connect.declared.text = "connect=deny(ECONNREFUSED)";
  fault::ProtocolRule query;
  query.service = "database";
  query.interface = "pg";
  query.declared.text = "drop(query=\"INSERT*\")";
  window.syscall_rules = {connect};
  window.protocol_rules = {query};
  plan.windows = {window};
  EXPECT_EQ(shell_greeting(plan),
            "cell test_matrix_buy_db_down\n"
            "  database  database:5432 (postgres)\n"
            "  api       api:8080 (http), api:9 (tcp)\n"
            "  job       no interface\n"
            "  fault: connect=deny(ECONNREFUSED) on api\n"
            "  fault: drop(query=\"INSERT*\") on database.pg\n"
            "The end of the shell ends the cell.\n\n");
}

TEST(ShellProgram, IsTheUsersShellOrTheGivenCommand) {
  setenv("SHELL", "/bin/bash", 1);
  EXPECT_EQ(shell_program({}, "c").command, std::vector<std::string>{"/bin/bash"});
  setenv("SHELL", "/nowhere/zsh", 1);
  EXPECT_EQ(shell_program({}, "c").command, std::vector<std::string>{"/bin/sh"});
  unsetenv("SHELL");
  EXPECT_EQ(shell_program({}, "c").command, std::vector<std::string>{"/bin/sh"});
  EXPECT_EQ(shell_program({"ls", "-l"}, "c").command, (std::vector<std::string>{"ls", "-l"}));
}

TEST(ShellProgram, KnowsItsCell) {
  setenv("MISHAP_CELL", "another", 1);
  auto environment = shell_program({}, "test_buy").environment;
  unsetenv("MISHAP_CELL");
  EXPECT_THAT(environment, Contains("MISHAP_CELL=test_buy").Times(1));
  EXPECT_THAT(environment, ::testing::Not(Contains("MISHAP_CELL=another")));
  EXPECT_THAT(environment, Contains("PS1=(test_buy) \\w \\$ "));
  EXPECT_THAT(
      environment,
      Contains("PROMPT_COMMAND=PS1='($MISHAP_CELL) \\w \\$ '; unset PROMPT_COMMAND").Times(1));
  if (geteuid() == 0) {
    EXPECT_THAT(environment, Contains("HOME=/tmp"));
  }
}

}  // namespace
}  // namespace mishap::run
