// Hardware task switching. SDM Vol. 3, "Task Management".
#pragma once

#include "cpu/segmentation.h"

namespace gnomon {

enum class TaskSwitch : u8 { Jump, Call, Event, Return };

/// Switches to the task of a TSS whose descriptor type and presence the caller has checked. `return_ip` is
/// saved in the outgoing TSS with `saved_flags`. An error code of an event is pushed on the new stack. False:
/// a fault; if it arose after the outgoing task was saved, `state` (rip too) is already the new task's.
[[nodiscard]] bool switch_task(Cpu& cpu, u16 selector, const Descriptor& tss, TaskSwitch kind, u64 return_ip,
                               u32 saved_flags, const Fault* event = nullptr);
/// The checks of a TSS selector out of a task gate, then the switch.
[[nodiscard]] bool enter_task_gate(Cpu& cpu, const Descriptor& gate, TaskSwitch kind, u64 return_ip,
                                   u32 saved_flags, const Fault* event = nullptr);
/// IRET with NT set.
[[nodiscard]] bool return_to_previous_task(Cpu& cpu, u64 return_ip);

}  // namespace gnomon
