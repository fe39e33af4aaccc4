// What a processor tells a debugger: instruction boundaries where it is asked to, and the events of SDM Vol. 3,
// "Debug, Branch Profile, TSC…" and beyond that no debug register catches. Every call is out of line, behind
// one test for null.
#pragma once

#include "cpu/exception.h"
#include "support/types.h"

namespace gnomon {

class Cpu;

/// To stop the processor at the next instruction boundary from any of these, call Cpu::request_stop().
class CpuObserver {
  public:
    static constexpr u64 kFree = ~u64{0};

    /// Asked by the run loop before the instruction at state.rip: how many instructions may be executed before
    /// it is asked again; kFree: until the run loop has the processor back for a reason of its own. 0 stops:
    /// run() returns StopReason::Requested.
    virtual u64 allowance(Cpu& cpu) = 0;
    /// Asked when a block is entered that the engine has no link to: true sends it to the run loop instead, so
    /// that allowance() sees every instruction of the page. The answer may change only between runs, after
    /// Cpu::forget_blocks().
    virtual bool watches_code(Cpu& cpu, u64 linear) = 0;

    /// An exception or interrupt is about to be delivered; state.rip is the IP to be saved.
    virtual void event(Cpu& cpu, EventKind kind, const Fault& fault) = 0;
    /// A triple fault; Cpu::shutdown_report() is filled.
    virtual void shut_down(Cpu& cpu) = 0;
    /// A data access that took the slow path and was done: those to pages of Mmu::watch_accesses(), and others.
    /// `value`: `size` bytes.
    virtual void data_access(Cpu& cpu, u64 linear, unsigned size, bool write, const void* value) = 0;
    virtual void port_access(Cpu& cpu, u16 port, unsigned size, bool write, u32 value) = 0;
    /// CRn was written by an instruction or a task switch.
    virtual void control_register(Cpu& cpu, unsigned number, u64 before, u64 after) = 0;
    virtual void msr_access(Cpu& cpu, u32 index, bool write, u64 value) = 0;
    /// CR0, EFLAGS.VM, CS or what else makes the mode may have changed.
    virtual void mode_updated(Cpu& cpu) = 0;
    virtual void task_switch(Cpu& cpu, u16 from, u16 to) = 0;
    /// XCHG of a 16-bit register with itself.
    virtual void magic_exchange(Cpu& cpu, unsigned register_number) = 0;

  protected:
    ~CpuObserver() = default;
};

}  // namespace gnomon
