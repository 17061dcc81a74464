#include "mishap/cell/requirements.h"

#include "mishap/sandbox/probes.h"
#include "mishap/syscalls/probes.h"

namespace mishap::cell {

Result<void> check_requirements() {
  auto cell = sandbox::probe_cell();
  // None could be made, and this knows why.
  if (cell.empty()) MISHAP_TRY(sandbox::can_unprivileged_userns());
  MISHAP_TRY(sandbox::nothing_vital_missing(cell));
  return sandbox::nothing_vital_missing(syscalls::probe_notifications());
}

}  // namespace mishap::cell
