// Hardware task switching, 16- and 32-bit TSS. SDM Vol. 3, "Task Management", "Task Switching".
#include "cpu/task.h"

#include "cpu/control_registers.h"
#include "cpu/eflags.h"
#include "cpu/observer.h"
#include "cpu/stack_frame.h"

namespace gnomon {
namespace {

/// What a TSS holds of a task. Segments in the order ES, CS, SS, DS, FS, GS.
struct TaskImage {
    u32 cr3 = 0;
    u32 eip = 0;
    u32 eflags = 0;
    std::array<u32, 8> gpr{};
    std::array<u16, 6> selectors{};
    u16 ldt = 0;
    bool debug_trap = false;
};

// Offsets within the TSS. SDM Vol. 3, "Task-State Segment (TSS)" and "16-Bit Task-State Segment (TSS)".
struct Layout {
    unsigned size;  ///< of a register slot
    u32 minimum_limit;
    u32 eip, eflags, gpr, selectors, ldt;
    unsigned selector_slot;
    unsigned selector_count;
};
constexpr Layout kWide{4, 0x67, 0x20, 0x24, 0x28, 0x48, 0x60, 4, 6};
constexpr Layout kNarrow{2, 0x2b, 0x0e, 0x10, 0x12, 0x22, 0x2a, 2, 4};
constexpr u32 kCr3 = 0x1c;
constexpr u32 kDebugTrap = 0x64;

const Layout& layout_of(unsigned type) { return type & 8 ? kWide : kNarrow; }

bool read_slot(Cpu& cpu, u64 linear, unsigned bytes, u32& out) {
    if (bytes == 4) return cpu.read_linear(static_cast<u32>(linear), out, Privilege::Supervisor);
    u16 half;
    if (!cpu.read_linear(static_cast<u32>(linear), half, Privilege::Supervisor)) return false;
    out = half;
    return true;
}

bool write_slot(Cpu& cpu, u64 linear, unsigned bytes, u32 value) {
    return bytes == 4
               ? cpu.write_linear(static_cast<u32>(linear), value, Privilege::Supervisor)
               : cpu.write_linear(static_cast<u32>(linear), static_cast<u16>(value), Privilege::Supervisor);
}

bool read_image(Cpu& cpu, u64 base, const Layout& layout, TaskImage& image) {
    const bool wide = layout.size == 4;
    if (wide && !read_slot(cpu, base + kCr3, 4, image.cr3)) return false;
    if (!read_slot(cpu, base + layout.eip, layout.size, image.eip)) return false;
    if (!read_slot(cpu, base + layout.eflags, layout.size, image.eflags)) return false;
    for (unsigned i = 0; i < 8; i++) {
        if (!read_slot(cpu, base + layout.gpr + i * layout.size, layout.size, image.gpr[i])) return false;
        if (!wide) image.gpr[i] |= 0xffff0000;  // as the 386 and its successors leave the upper halves
    }
    u32 value;
    for (unsigned i = 0; i < layout.selector_count; i++) {
        if (!read_slot(cpu, base + layout.selectors + i * layout.selector_slot, 2, value)) return false;
        image.selectors[i] = static_cast<u16>(value);
    }
    if (!read_slot(cpu, base + layout.ldt, 2, value)) return false;
    image.ldt = static_cast<u16>(value);
    if (wide) {
        if (!read_slot(cpu, base + kDebugTrap, 2, value)) return false;
        image.debug_trap = value & 1;
    }
    return true;
}

bool save_image(Cpu& cpu, u64 base, const Layout& layout, u32 eip, u32 eflags) {
    bool ok = write_slot(cpu, base + layout.eip, layout.size, eip) &&
              write_slot(cpu, base + layout.eflags, layout.size, eflags);
    for (unsigned i = 0; ok && i < 8; i++)
        ok = write_slot(cpu, base + layout.gpr + i * layout.size, layout.size, cpu.get<u32>(i));
    for (unsigned i = 0; ok && i < layout.selector_count; i++)
        ok = write_slot(cpu, base + layout.selectors + i * layout.selector_slot, 2,
                        cpu.state.segments[i].selector);
    return ok;
}

/// Both TSSs must be reachable before anything changes.
bool probe_writable(Cpu& cpu, u64 base, const Layout& layout) {
    const u32 first = layout.eip;
    const u32 bytes = layout.selectors + layout.selector_count * layout.selector_slot - first;
    return cpu.check_write_linear(static_cast<u32>(base + first), bytes, Privilege::Supervisor);
}

bool load_task_ldt(Cpu& cpu, u16 selector) {
    Segment& ldtr = cpu.state.ldtr;
    ldtr = {};
    ldtr.selector = selector;
    if (is_null(selector)) return true;
    if (in_ldt(selector)) return refuse(cpu, Vector::TS, selector_error(selector));
    Descriptor d;
    if (!fetch_descriptor(cpu, selector, Vector::TS, d)) return false;
    if (!d.is_system() || d.type() != system_type::kLdt || !d.present())
        return refuse(cpu, Vector::TS, selector_error(selector));
    set_segment(ldtr, selector, d);
    return true;
}

bool load_task_code(Cpu& cpu, u16 selector, u32 eip) {
    if (is_null(selector)) return refuse(cpu, Vector::TS, 0);
    Descriptor d;
    if (!fetch_descriptor(cpu, selector, Vector::TS, d)) return false;
    const unsigned level = rpl(selector);
    const bool level_fits = d.conforming() ? d.dpl() <= level : d.dpl() == level;
    if (!d.is_code() || !level_fits) return refuse(cpu, Vector::TS, selector_error(selector));
    if (!d.present()) return refuse(cpu, Vector::NP, selector_error(selector));
    if (!mark_accessed(cpu, d)) return false;
    set_code_segment(cpu, selector, d, level);
    if (eip > d.limit()) return refuse(cpu, Vector::GP, 0);
    return true;
}

/// SS comes first: the stack must be there for whatever fault the others raise.
bool load_task_segments(Cpu& cpu, const TaskImage& image) {
    const auto selector = [&](Seg seg) { return image.selectors[static_cast<unsigned>(seg)]; };
    if (!load_task_ldt(cpu, image.ldt)) return false;
    if (cpu.v86()) {
        for (unsigned i = 0; i < 6; i++) set_v86_segment(cpu.state.segments[i], image.selectors[i]);
        return image.eip <= 0xffff || refuse(cpu, Vector::GP, 0);
    }
    Descriptor stack;
    if (!check_stack_segment(cpu, selector(Seg::SS), cpu.cpl(), Vector::TS, stack) ||
        !mark_accessed(cpu, stack))
        return false;
    set_segment(cpu.segment(Seg::SS), selector(Seg::SS), stack);
    if (!load_task_code(cpu, selector(Seg::CS), image.eip)) return false;
    for (const Seg seg : {Seg::DS, Seg::ES, Seg::FS, Seg::GS})
        if (!load_segment(cpu, seg, selector(seg), Vector::TS)) return false;
    return true;
}

/// Registers of the new task; the segments hold their selectors but are not usable yet.
void install_image(Cpu& cpu, const TaskImage& image, u32 eflags) {
    for (unsigned i = 0; i < 8; i++) cpu.put<u32>(i, image.gpr[i]);
    cpu.state.rip = image.eip;
    cpu.set_eflags(eflags & supported_eflags(cpu.features()));
    for (unsigned i = 0; i < 6; i++) set_null_segment(cpu.state.segments[i], image.selectors[i]);
    cpu.state.cpl = static_cast<u8>(cpu.v86() ? 3 : rpl(image.selectors[static_cast<unsigned>(Seg::CS)]));
    cpu.state.dr[7] &= ~dr7::kLocalEnables;
    cpu.state.cr0 |= cr0::TS;
}

}  // namespace

bool switch_task(Cpu& cpu, u16 selector, const Descriptor& tss, TaskSwitch kind, u64 return_ip,
                 u32 saved_flags, const Fault* event) {
    Segment& tr = cpu.state.tr;
    const Layout& old_layout = layout_of(attribute::type(tr.attributes));
    const Layout& new_layout = layout_of(tss.type());
    const u64 old_base = tr.base;
    const u64 new_base = tss.base();
    const u16 old_selector = tr.selector;
    const bool nested = kind == TaskSwitch::Call || kind == TaskSwitch::Event;
    const u32 error = selector_error(selector);
    if (tss.limit() < new_layout.minimum_limit) return refuse(cpu, Vector::TS, error);
    // A TR that no LTR has loaded gives no place to save the old task in.
    if (tr.limit < old_layout.minimum_limit) return refuse(cpu, Vector::TS, selector_error(old_selector));

    TaskImage image;
    if (!read_image(cpu, new_base, new_layout, image)) return false;
    if (!probe_writable(cpu, old_base, old_layout)) return false;
    if (nested && !cpu.check_write_linear(new_base, 2, Privilege::Supervisor)) return false;
    std::array<u64, 4> pdpte = cpu.state.pdpte;
    const bool new_cr3 = new_layout.size == 4 && (cpu.state.cr0 & cr0::PG);
    if (new_cr3 && (cpu.state.cr4 & cr4::PAE) && !read_pdptes(cpu, image.cr3, pdpte)) return false;

    const bool leaves = kind == TaskSwitch::Jump || kind == TaskSwitch::Return;
    if (leaves && !is_null(old_selector)) {
        Descriptor old;
        if (!fetch_descriptor(cpu, old_selector, Vector::TS, old) || !mark_busy(cpu, old, false))
            return false;
    }
    if (kind == TaskSwitch::Return)
        saved_flags &= ~flag::NT;
    else if (!mark_busy(cpu, tss, true))
        return false;
    if (!save_image(cpu, old_base, old_layout, static_cast<u32>(return_ip), saved_flags)) return false;
    if (nested && !write_slot(cpu, new_base, 2, old_selector)) return false;

    if (CpuObserver* observer = cpu.observer()) {
        observer->task_switch(cpu, old_selector, selector);
        if (new_cr3) observer->control_register(cpu, 3, cpu.state.cr3, image.cr3);
    }
    // From here on, faults belong to the new task.
    set_segment(tr, selector, tss);
    tr.attributes |= 2;
    install_image(cpu, image, nested ? image.eflags | flag::NT : image.eflags);
    if (new_layout.size == 4) {
        cpu.state.cr3 = image.cr3;
        cpu.state.pdpte = pdpte;
    }
    cpu.update_paging(new_cr3);
    const bool loaded = load_task_segments(cpu, image);
    cpu.update_mode();
    if (!loaded) return false;
    if (image.debug_trap) cpu.state.pending_debug |= dr6::BT;
    if (event && event->has_error) {
        StackFrame frame(cpu);
        if (!frame.push(new_layout.size, event->error)) return false;
        set_stack_pointer(cpu, cpu.segment(Seg::SS), frame.pointer());
    }
    cpu.update_mode();
    return true;
}

bool enter_task_gate(Cpu& cpu, const Descriptor& gate, TaskSwitch kind, u64 return_ip, u32 saved_flags,
                     const Fault* event) {
    const u16 selector = gate.gate_selector();
    if (in_ldt(selector) || is_null(selector)) return refuse(cpu, Vector::GP, selector_error(selector));
    Descriptor tss;
    if (!fetch_descriptor(cpu, selector, Vector::GP, tss)) return false;
    if (!tss.is_tss_available()) return refuse(cpu, Vector::GP, selector_error(selector));
    if (!tss.present()) return refuse(cpu, Vector::NP, selector_error(selector));
    return switch_task(cpu, selector, tss, kind, return_ip, saved_flags, event);
}

bool return_to_previous_task(Cpu& cpu, u64 return_ip) {
    u16 selector;
    if (!cpu.read_linear(static_cast<u32>(cpu.state.tr.base), selector, Privilege::Supervisor)) return false;
    if (in_ldt(selector) || is_null(selector)) return refuse(cpu, Vector::TS, selector_error(selector));
    Descriptor tss;
    if (!fetch_descriptor(cpu, selector, Vector::TS, tss)) return false;
    if (!tss.is_tss_busy()) return refuse(cpu, Vector::TS, selector_error(selector));
    if (!tss.present()) return refuse(cpu, Vector::NP, selector_error(selector));
    return switch_task(cpu, selector, tss, TaskSwitch::Return, return_ip, cpu.eflags());
}

}  // namespace gnomon
