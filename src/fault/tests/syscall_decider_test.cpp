#include <cerrno>

#include <gtest/gtest.h>

#include "mishap/fault/decider.h"
#include "mishap/fault/names.h"

namespace mishap::fault {
namespace {

using namespace std::chrono_literals;

SyscallRule deny(const std::string& keyword, const std::string& error) {
  SyscallRule rule;
  Errno found = *resolve_errno(error);
  rule.declared.text = keyword + "=deny(" + error + ")";
  rule.service = "db";
  rule.keyword = keyword;
  rule.syscalls = *resolve_syscalls(keyword, found.number);
  rule.action = SyscallAction::deny;
  rule.error = found.number;
  rule.error_name = found.name;
  rule.scope = scope_of_errno(found.number);
  return rule;
}

SyscallRule with_action(const std::string& keyword, SyscallAction action) {
  SyscallRule rule = deny(keyword, "EIO");
  rule.declared.text = keyword;
  rule.action = action;
  rule.delay = 500ms;
  return rule;
}

SyscallOperation call(std::string_view syscall, FdKinds kind = FdKinds::file) {
  SyscallOperation operation;
  operation.syscall = syscall;
  operation.fd_kind = kind;
  return operation;
}

SyscallOperation on_path(std::string_view syscall, std::string path) {
  SyscallOperation operation = call(syscall, FdKinds::none);
  operation.path = std::move(path);
  return operation;
}

std::string decide(SyscallDecider& decider, const SyscallOperation& operation) {
  return decider.decide(operation).text;
}

TEST(SyscallDecider, CountsCallsThatDoTheSameByOtherMeans) {
  SyscallDecider decider(1);
  decider.open({deny("write", "EIO"), with_action("read", SyscallAction::trace)});
  EXPECT_EQ(decide(decider, call("sendmsg", FdKinds::socket)), "allow");
  EXPECT_EQ(decide(decider, call("sendmsg", FdKinds::socket)), "allow");
  EXPECT_EQ(decide(decider, call("recvmsg", FdKinds::socket)), "allow");
  auto counters = decider.counters();
  ASSERT_EQ(counters.size(), 1);
  EXPECT_EQ(counters[0].seen, 0);
  EXPECT_EQ(counters[0].elsewhere, (std::map<std::string, uint64_t>{{"sendmsg", 2}}));
}

TEST(SyscallDecider, OtherMeansAreNoneForAFaultOfFiles) {
  SyscallDecider decider(1);
  decider.open({deny("write", "ENOSPC")});
  EXPECT_EQ(decide(decider, call("sendmsg", FdKinds::socket)), "allow");
  EXPECT_TRUE(decider.counters()[0].elsewhere.empty());
}

TEST(SyscallDecider, RelativeGlobsStartInAnyDirectory) {
  SyscallDecider decider(1);
  SyscallRule rule = deny("open", "EACCES");
  rule.path_glob = "wal/*.log";
  decider.open({rule});
  EXPECT_EQ(decide(decider, on_path("openat", "/data/wal/1.log")), "deny(permission denied)");
  EXPECT_EQ(decide(decider, on_path("openat", "wal/1.log")), "deny(permission denied)");
  EXPECT_EQ(decide(decider, on_path("openat", "/data/wal/old/1.log")), "allow");
  EXPECT_EQ(decide(decider, on_path("openat", "/data/awal/1.log")), "allow");
}

TEST(SyscallDecider, Texts) {
  SyscallDecider decider(1);
  EXPECT_FALSE(decider.anything_open());
  EXPECT_EQ(decide(decider, call("write")), "allow");
  SyscallRule delayed = with_action("read", SyscallAction::delay);
  delayed.declared.label = "slow";
  delayed.op = "load";
  decider.open({deny("write", "EIO"), delayed, with_action("fsync", SyscallAction::trace),
                with_action("connect", SyscallAction::allow)});
  EXPECT_TRUE(decider.anything_open());
  SyscallDecision denied = decider.decide(call("pwrite64"));
  EXPECT_EQ(denied.kind, SyscallDecision::Kind::deny);
  EXPECT_EQ(denied.error, EIO);
  EXPECT_EQ(denied.text, "deny(input/output error)");
  EXPECT_EQ(denied.errno_name, "EIO");
  EXPECT_EQ(denied.scope, "auto:any");
  SyscallDecision slow = decider.decide(call("read"));
  EXPECT_EQ(slow.kind, SyscallDecision::Kind::delay);
  EXPECT_EQ(slow.delay, 500ms);
  EXPECT_EQ(slow.text, "delay(500ms)");
  EXPECT_EQ(slow.label, "slow");
  EXPECT_EQ(slow.op, "load");
  EXPECT_EQ(decide(decider, call("fdatasync")), "trace");
  EXPECT_EQ(decide(decider, call("connect", FdKinds::socket)), "allow");
}

TEST(SyscallDecider, WindowsNestAndLeaveAlone) {
  SyscallDecider decider(1);
  WindowId outer = decider.open({deny("write", "EIO"), deny("read", "EIO")});
  WindowId inner = decider.open({deny("write", "EINTR")});
  EXPECT_EQ(decide(decider, call("write")), "deny(interrupted system call)");
  EXPECT_EQ(decide(decider, call("read")), "deny(input/output error)");
  decider.close(outer);
  EXPECT_EQ(decide(decider, call("read")), "allow");
  EXPECT_EQ(decide(decider, call("write")), "deny(interrupted system call)");
  decider.close(inner);
  EXPECT_EQ(decide(decider, call("write")), "allow");
  EXPECT_FALSE(decider.anything_open());
  EXPECT_TRUE(decider.close(inner).empty());
}

TEST(SyscallDecider, ARuleIsToldWhoTookItsCalls) {
  SyscallDecider decider(1);
  WindowId outer = decider.open({deny("write", "EIO"), deny("read", "EIO")});
  decider.open({deny("write", "EINTR")});
  decide(decider, call("write"));
  decide(decider, call("writev"));
  decide(decider, call("read"));
  auto counted = decider.close(outer);
  ASSERT_EQ(counted.size(), 2u);
  EXPECT_EQ(counted[0].seen, 0u);
  EXPECT_EQ(counted[0].taken, 2u);
  EXPECT_EQ(counted[0].taken_by, "write=deny(EINTR)");
  EXPECT_EQ(counted[1].seen, 1u);
  EXPECT_EQ(counted[1].taken, 0u);
}

TEST(SyscallDecider, ATraceWithinAFaultDoesNotHideIt) {
  SyscallDecider decider(1);
  WindowId faults = decider.open({deny("write", "EIO")});
  decider.open({with_action("write", SyscallAction::trace)});
  EXPECT_EQ(decide(decider, call("write")), "deny(input/output error)");
  EXPECT_EQ(decider.close(faults)[0].applied, 1u);
  EXPECT_EQ(decide(decider, call("write")), "trace");
}

TEST(SyscallDecider, FaultsSuspendTracesBelow) {
  SyscallDecider decider(1);
  decider.open({with_action("write", SyscallAction::trace)});
  EXPECT_EQ(decide(decider, call("write")), "trace");
  WindowId faults = decider.open({deny("read", "EIO")});
  EXPECT_EQ(decide(decider, call("write")), "allow");
  decider.open({with_action("write", SyscallAction::trace)});
  EXPECT_EQ(decide(decider, call("write")), "trace");
  decider.close(faults);
  EXPECT_EQ(decide(decider, call("write")), "trace");
}

TEST(SyscallDecider, FirstRuleThatFiresDecides) {
  SyscallDecider decider(1);
  SyscallRule second = deny("write", "EIO");
  second.trigger.nth = 2;
  WindowId window = decider.open({second, deny("write", "EINTR")});
  EXPECT_EQ(decide(decider, call("write")), "deny(interrupted system call)");
  EXPECT_EQ(decide(decider, call("writev")), "deny(input/output error)");
  EXPECT_EQ(decide(decider, call("write")), "deny(interrupted system call)");
  auto counted = decider.close(window);
  ASSERT_EQ(counted.size(), 2u);
  EXPECT_EQ(counted[0].seen, 3u);
  EXPECT_EQ(counted[0].matched, 3u);
  EXPECT_EQ(counted[0].applied, 1u);
  EXPECT_EQ(counted[0].action, "deny");
  EXPECT_EQ(counted[0].detail, "EIO");
  EXPECT_EQ(counted[1].seen, 2u);
}

TEST(SyscallDecider, SystemPathsAreExemptUnlessNamed) {
  SyscallDecider decider(1);
  WindowId window = decider.open({deny("open", "EIO")});
  for (const char* path :
       {"/lib/x", "/usr/lib64/libc.so", "/proc/self/maps", "/dev/null", "/etc/ld.so.cache"}) {
    EXPECT_EQ(decide(decider, on_path("openat", path)), "allow (system path)") << path;
  }
  EXPECT_EQ(decide(decider, on_path("openat", "/library/x")), "deny(input/output error)");
  EXPECT_EQ(decide(decider, call("openat")), "deny(input/output error)");
  decider.close(window);
  SyscallRule named = deny("open", "EIO");
  named.path_glob = "/proc/**";
  decider.open({deny("open", "EINTR"), named});
  EXPECT_EQ(decide(decider, on_path("openat", "/proc/self/maps")), "deny(input/output error)");
  EXPECT_EQ(decide(decider, on_path("openat", "/dev/null")), "allow (system path)");
}

TEST(SyscallDecider, GlobsSeePathAndItsDirectory) {
  SyscallDecider decider(1);
  SyscallRule rule = deny("open", "EIO");
  rule.path_glob = "/data/";
  WindowId window = decider.open({rule});
  EXPECT_EQ(decide(decider, on_path("openat", "/data/x")), "deny(input/output error)");
  EXPECT_EQ(decide(decider, on_path("openat", "/data/x/y")), "allow");
  EXPECT_EQ(decide(decider, on_path("openat", "relative")), "allow");
  EXPECT_EQ(decide(decider, call("openat")), "allow");
  SyscallOperation unreadable = call("openat");
  unreadable.path_unresolved = true;
  EXPECT_EQ(decide(decider, unreadable), "allow");
  auto counted = decider.close(window);
  EXPECT_EQ(counted[0].matched, 1u);
  EXPECT_EQ(counted[0].seen, 5u);
  EXPECT_EQ(counted[0].unresolved_paths, 2u);
}

TEST(SyscallDecider, FullDiskRefusesNewBlocksOnly) {
  SyscallDecider decider(1);
  decider.open({deny("write", "ENOSPC")});
  EXPECT_EQ(decide(decider, call("write", FdKinds::socket)), "allow");
  EXPECT_EQ(decide(decider, call("write")), "allow");
  SyscallOperation grow = call("write");
  grow.grows_file = grow.changes_file_system = grow.needs_new_blocks = true;
  EXPECT_EQ(decide(decider, grow), "deny(no space left on device)");
  grow.writable_bytes = 288;
  SyscallDecision edge = decider.decide(grow);
  EXPECT_EQ(edge.kind, SyscallDecision::Kind::shorten);
  EXPECT_EQ(edge.allowed_bytes, 288u);
  EXPECT_EQ(edge.text, "short(288)");
  EXPECT_EQ(edge.errno_name, "ENOSPC");
  EXPECT_EQ(edge.scope, "auto:file needing new blocks");
  SyscallOperation reserve = call("fallocate");
  reserve.needs_new_blocks = true;
  EXPECT_EQ(decide(decider, reserve), "deny(no space left on device)");
}

TEST(SyscallDecider, OtherScopes) {
  SyscallDecider decider(1);
  WindowId window = decider.open({deny("write", "EROFS")});
  SyscallOperation change = call("write");
  change.changes_file_system = true;
  EXPECT_EQ(decide(decider, change), "deny(read-only file system)");
  EXPECT_EQ(decide(decider, call("write")), "allow");
  decider.close(window);

  window = decider.open({deny("write", "EFBIG")});
  change.grows_file = true;
  EXPECT_EQ(decide(decider, change), "deny(file too large)");
  EXPECT_EQ(decide(decider, call("write")), "allow");
  decider.close(window);

  window = decider.open({deny("write", "EPIPE")});
  EXPECT_EQ(decide(decider, call("write", FdKinds::socket)), "deny(broken pipe)");
  EXPECT_EQ(decide(decider, call("write", FdKinds::pipe)), "allow");
  EXPECT_EQ(decide(decider, call("write", FdKinds::none)), "allow");
  decider.close(window);

  SyscallRule everywhere = deny("write", "ENOSPC");
  everywhere.scope = *parse_scope({"any"});
  decider.open({everywhere});
  EXPECT_EQ(decider.decide(call("write", FdKinds::socket)).scope, "any");
}

TEST(SyscallDecider, ConnectLeavesUnixSocketsAloneUnlessNamed) {
  SyscallDecider decider(1);
  WindowId window = decider.open({deny("connect", "EIO")});
  EXPECT_EQ(decide(decider, call("connect", FdKinds::unix_socket)), "allow");
  EXPECT_EQ(decide(decider, call("connect", FdKinds::socket)), "deny(input/output error)");
  EXPECT_TRUE(decider.needs("connect").fd_kind);
  decider.close(window);
  SyscallRule named = deny("connect", "ECONNREFUSED");
  named.scope = *parse_scope({"socket"});
  decider.open({named});
  EXPECT_EQ(decide(decider, call("connect", FdKinds::unix_socket)), "deny(connection refused)");
}

TEST(SyscallDecider, PeersNarrow) {
  SyscallDecider decider(1);
  SyscallRule rule = deny("connect", "ECONNREFUSED");
  rule.to = {"cache", "api.admin"};
  decider.open({rule});
  SyscallOperation operation = call("connect", FdKinds::socket);
  EXPECT_EQ(decide(decider, operation), "allow");
  operation.peer_service = "cache";
  EXPECT_EQ(decide(decider, operation), "deny(connection refused)");
  operation.peer_service = "api";
  operation.peer_interface = "main";
  EXPECT_EQ(decide(decider, operation), "allow");
  operation.peer_interface = "admin";
  EXPECT_EQ(decide(decider, operation), "deny(connection refused)");
}

TEST(SyscallDecider, AsksForNoMoreThanItNeeds) {
  SyscallDecider decider(1);
  SyscallRule narrow = deny("sendto", "ECONNRESET");
  narrow.to = {"cache"};
  decider.open({deny("write", "EIO"), deny("fsync", "ENOSPC"), narrow});
  Needs none = decider.needs("mmap");
  EXPECT_FALSE(none.path || none.fd_kind || none.growth || none.peer);
  Needs plain = decider.needs("writev");
  EXPECT_TRUE(plain.path);
  EXPECT_FALSE(plain.fd_kind || plain.growth || plain.peer);
  EXPECT_TRUE(decider.needs("fsync").growth);
  EXPECT_TRUE(decider.needs("sendmsg").peer && decider.needs("sendmsg").fd_kind);
}

TEST(SyscallDecider, DrawsDoNotShiftWithOtherRules) {
  auto draws = [](bool with_other) {
    SyscallDecider decider(7);
    SyscallRule half = deny("write", "EIO");
    half.trigger.probability = 0.5;
    SyscallRule other = deny("read", "EIO");
    other.trigger.probability = 0.5;
    if (with_other) decider.open({other});
    decider.open({half});
    std::string text;
    for (int i = 0; i < 64; ++i) {
      decider.decide(call("read"));
      text += decider.decide(call("write")).text == "allow" ? '.' : 'x';
    }
    return text;
  };
  EXPECT_EQ(draws(false), draws(true));
}

TEST(SyscallDecider, CountersAreOfFaultsAndOnePerDeclaration) {
  SyscallDecider decider(1);
  for (int i = 0; i < 2; ++i) {
    WindowId window =
        decider.open({deny("write", "EIO"), with_action("read", SyscallAction::trace)});
    decider.decide(call("write"));
    decider.close(window);
  }
  auto counted = decider.counters();
  ASSERT_EQ(counted.size(), 1u);
  EXPECT_EQ(counted[0].declared.text, "write=deny(EIO)");
  EXPECT_EQ(counted[0].service, "db");
  EXPECT_EQ(counted[0].seen, 2u);
  EXPECT_EQ(counted[0].matched, 2u);
  EXPECT_EQ(counted[0].applied, 2u);
}

}  // namespace
}  // namespace mishap::fault
