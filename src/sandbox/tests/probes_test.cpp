// Which switch forbids user namespaces, from a machine's files as they would be.
#include "mishap/sandbox/probes.h"

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <map>

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include "mishap/base/testing/temporary_directory.h"

namespace mishap::sandbox {
namespace {

namespace fs = std::filesystem;

class RefusalTest : public testing::Test {
 protected:
  RefusalTest() {
    file("/proc/self/mountinfo", "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n");
    file("/proc/self/status", "Name:\tmishap\nSeccomp:\t0\n");
    file("/proc/self/uid_map", "         0          0 4294967295\n");
    file("/proc/sys/user/max_user_namespaces", "96365\n");
  }

  void file(const std::string& path, const std::string& text) {
    fs::create_directories((root_ + path).substr(0, (root_ + path).rfind('/')));
    std::ofstream(root_ + path) << text;
  }
  void under_seccomp() { file("/proc/self/status", "Name:\tmishap\nSeccomp:\t2\n"); }

  void expect(int error_code, bool made, const std::string& why, const std::string& remedy) {
    Refusal refusal = explain_refusal(root_, error_code, made);
    EXPECT_EQ(refusal.why, why);
    EXPECT_EQ(refusal.remedy, remedy);
  }

  const TemporaryDirectory temporary_;
  const std::string root_ = temporary_.path();
};

TEST_F(RefusalTest, DebiansSwitch) {
  file("/proc/sys/kernel/unprivileged_userns_clone", "0\n");
  expect(EPERM, false, "kernel.unprivileged_userns_clone is 0",
         "sudo sysctl -w kernel.unprivileged_userns_clone=1");
}

TEST_F(RefusalTest, NoneAreAllowed) {
  file("/proc/sys/user/max_user_namespaces", "0\n");
  expect(ENOSPC, false, "user.max_user_namespaces is 0",
         "sudo sysctl -w user.max_user_namespaces=15000");
}

TEST_F(RefusalTest, TooManyExist) {
  expect(
      ENOSPC, false,
      "as many namespaces exist as a setting of user.max_*_namespaces allows, or they are nested "
      "too deep",
      "sysctl user shows the limits; raise the one that is reached");
}

TEST_F(RefusalTest, UbuntusAppArmorTakesTheirRightsAway) {
  file("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1\n");
  file("/proc/self/attr/current", "unconfined\n");
  expect(EACCES, true,
         "AppArmor takes all rights away in them "
         "(kernel.apparmor_restrict_unprivileged_userns is 1)",
         "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0");
}

TEST_F(RefusalTest, DockersSeccompProfile) {
  file("/.dockerenv", "");
  under_seccomp();
  for (int error : {EPERM, ENOSYS}) {
    expect(error, false, "the container's seccomp profile forbids them",
           "start the container with: docker run --security-opt seccomp=unconfined");
  }
}

TEST_F(RefusalTest, PodmansSeccompProfile) {
  file("/run/.containerenv", "");
  under_seccomp();
  expect(EPERM, false, "the container's seccomp profile forbids them",
         "start the container with: podman run --security-opt seccomp=unconfined");
}

TEST_F(RefusalTest, DockersAppArmorProfile) {
  file("/.dockerenv", "");
  file("/proc/self/attr/current", "docker-default (enforce)\n");
  expect(EACCES, true, "the AppArmor profile docker-default forbids what a cell needs",
         "start the container with: docker run --security-opt apparmor=unconfined");
}

TEST_F(RefusalTest, AnotherAppArmorProfile) {
  file("/proc/self/attr/current", "mishap (enforce)\n");
  expect(EACCES, true, "the AppArmor profile mishap forbids what a cell needs",
         "sudo aa-complain mishap");
}

TEST_F(RefusalTest, ASeccompFilterWithoutAContainer) {
  under_seccomp();
  const std::string remedy =
      "start it without one; in Kubernetes: securityContext.seccompProfile.type: Unconfined";
  expect(EPERM, false, "a seccomp filter that this process was started under forbids them", remedy);
  expect(EPERM, true,
         "a seccomp filter that this process was started under forbids what a cell needs", remedy);
}

TEST_F(RefusalTest, AChroot) {
  file("/proc/self/mountinfo", "22 27 0:21 / /proc rw,relatime - proc proc rw\n");
  expect(EPERM, false, "the kernel makes none for a process in a chroot",
         "enter the directory by another way: systemd-nspawn, bwrap or a container");
}

TEST_F(RefusalTest, AKernelWithoutThem) {
  expect(EINVAL, false, "this kernel has none", "a kernel with CONFIG_USER_NS=y, 5.10 or later");
}

TEST_F(RefusalTest, ANamespaceOfRootAlone) {
  file("/proc/self/uid_map", "         0       1000          1\n");
  if (getuid() != 0) GTEST_SKIP() << "an ordinary user's cells run as that user";
  expect(EPERM, true,
         "the user namespace that mishap runs in has no user 65530, whom root's cells run as",
         "map it, too, or run mishap as yourself: unshare --map-current-user instead of "
         "--map-root-user");
}

TEST_F(RefusalTest, NobodyKnows) {
  expect(EPERM, false, "a security module forbids them", "ask whoever set this machine up");
  expect(EPERM, true, "a security module forbids it", "ask whoever set this machine up");
  expect(EIO, true, "the namespaces were made, but not this", "ask whoever set this machine up");
}

TEST(ShortcomingsTest, AreWordedOnceForDoctorAndRuns) {
  CellEnvironment environment;
  environment.overlay = true;
  EXPECT_TRUE(shortcomings(environment).empty());
  environment.overlay = false;
  environment.overlay_problem = "mount an overlay of /etc: Invalid argument";
  environment.private_proc = false;
  environment.low_ports = false;
  EXPECT_EQ(shortcomings(environment),
            (std::vector<std::string>{
                "overlay file systems: none (mount an overlay of /etc: Invalid argument): what "
                "services write outside of /tmp and their data directories stays",
                "private /proc: parts of /proc are masked, so that no new one can be mounted: "
                "services see the processes outside of their cell",
                "ports below 1024: /proc/sys is read-only: services may not listen on them"}));
}

TEST(ProbesTest, ThisMachineRunsCells) {
  Probe namespaces = probe_user_namespaces();
  if (namespaces.state != Probe::State::ok) GTEST_SKIP() << namespaces.detail;
  EXPECT_TRUE(can_unprivileged_userns());
  auto probes = probe_cell();
  ASSERT_GE(probes.size(), 5u);
  EXPECT_EQ(probes[0].name, "overlay file systems");
  EXPECT_EQ(probes[0].state, Probe::State::ok) << probes[0].detail;
  EXPECT_EQ(probes[3].name, "access to services");
  EXPECT_EQ(probes[3].state, Probe::State::ok) << probes[3].detail;
  EXPECT_TRUE(probe_kernel().detail.starts_with("Linux "));
}

}  // namespace
}  // namespace mishap::sandbox
