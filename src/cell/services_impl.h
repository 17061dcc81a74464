// What the files of Services share: one service as it runs.
#pragma once

#include "services.h"

namespace mishap::cell {

struct Services::Running {
  const engine::Service* service = nullptr;
  const engine::Launch* launch = nullptr;
  source::OutputTail tail;
  std::shared_ptr<source::OutputSource> output, error;  // the output loop's
  std::shared_ptr<fault::SyscallDecider> decider;
  std::shared_ptr<syscalls::ExemptProcesses> exempt = std::make_shared<syscalls::ExemptProcesses>();
  std::unique_ptr<syscalls::Supervisor> supervisor;
  // Guarded by Services::mutex_.
  pid_t pid = 0;
  bool spawned = false, followed = false, exited = false;
  bool ready = false;     // for this test: others may start
  bool kept = false;      // it was ready in an earlier test
  bool stopping = false;  // its end is ours
  sandbox::ExitStatus status;
};

/// Of service_started.
inline event::Fields start_fields(const engine::Service& service) {
  return {{"kind", service.from_image() ? "image" : "binary"}};
}

}  // namespace mishap::cell
