// Pages whose data accesses must all be seen: watchpoints and memory traces of a debugger.
#pragma once

#include "support/types.h"

namespace gnomon {

class AccessWatch {
  public:
    /// True: reads and writes of the page take the slow path, whichever alias they use.
    [[nodiscard]] virtual bool covers(LinearAddr page, GuestPhys physical_page) const = 0;

  protected:
    ~AccessWatch() = default;
};

}  // namespace gnomon
