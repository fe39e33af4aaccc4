// Chaining of blocks and the run loop.
#include "cpu/engine.h"

#include <cstring>

#include "cpu/debug_registers.h"
#include "cpu/handler.h"
#include "cpu/monitor_unit.h"
#include "cpu/observer.h"
#include "cpu/performance_counters.h"
#include "cpu/opcode_table.h"
#include "cpu/system_registers.h"

namespace gnomon {
namespace {

u64 code_linear(const Cpu& c, u64 ip) {
    return c.in_64bit_mode() ? ip : static_cast<u32>(c.segment(Seg::CS).base + ip);
}

/// IP cut to its width in flat code.
u64 cut_ip(const Cpu& c, u64 ip) { return c.in_64bit_mode() ? ip : static_cast<u32>(ip); }

/// Saves the flags and IP, which live in registers while blocks run.
void park_registers(Cpu* c, u64 ip, u64 r, u64 s, u64 k) {
    c->lazy = {r, s, k};
    c->state.rip = ip;
    c->current = nullptr;
}

/// An entry made by BlockCache::far_link, whose header counts no instructions.
bool is_far_link(const Instruction* entry) { return block_of_entry(entry)->count == 0; }

/// Before the block at `ip` is looked up: the run loop is to have the processor first.
bool returns_to_loop(Cpu* c, u64 ip) {
    if (c->budget <= 0) return true;    // before the next instruction can fault
    CpuObserver* observer = c->observer();
    return observer && observer->watches_code(*c, code_linear(*c, ip));
}

/// The block that the jump cache has for this address; its page was not in the TLB. Null: look further.
Block* recall(Cpu& c, u64 linear, u64 host, u32 mode) {
    const Cpu::JumpCacheEntry& known = c.jump_cache_entry(linear);
    if (known.linear != linear) return nullptr;
    Block* block = block_of_entry(known.entry);
    return block->host == host && block->mode == mode && !block->dead ? block : nullptr;
}

}  // namespace

// ---- lookup ---------------------------------------------------------------------------------------------

Block* Engine::lookup(Cpu& c, u64 ip, u32 mode) {
    c.counters.block_lookups++;
    const Segment& cs = c.segment(Seg::CS);
    const bool limited = !(mode & mode::kFlat);
    if (limited && ip > cs.limit) {
        c.raise(Vector::GP, 0);
        return nullptr;
    }
    const u64 linear = code_linear(c, ip);
    if (c.in_64bit_mode() && !c.canonical(linear)) {
        c.raise(Vector::GP, 0);
        return nullptr;
    }
    PageFault page_fault;
    Mmu::FetchPage page;
    const auto fault = [&]() -> Block* {
        c.fault = {Vector::PF, true, page_fault.error_code, page_fault.address.value};
        return nullptr;
    };
    if (!c.mmu().fetch_page(LinearAddr(linear).page(), c.privilege(), page, page_fault)) {
        page_fault.address = LinearAddr(linear);
        return fault();
    }
    if (c.blocks().nearly_full()) {
        c.blocks().flush();
        c.jump_cache.fill({});
    }
    const unsigned offset = static_cast<unsigned>(linear & 0xfff);
    Block* block = nullptr;
    if (page.host) {
        const u64 host = reinterpret_cast<u64>(page.host) + offset;
        block = recall(c, linear, host, mode);
        if (!block) block = c.blocks().find(host, mode);
        if (!block || block->checked) block = c.blocks().translate(page, offset, mode);
        if (block && limited && ip + block->bytes - 1 > cs.limit && block->count > 1)
            return lookup(c, ip, mode | mode::kSingle);
    }
    if (!block) {
        // Across the page boundary, or from a device: the bytes are compared at every use.
        u8 bytes[BlockCache::kMaxLength];
        unsigned available = std::min<unsigned>(BlockCache::kMaxLength, static_cast<unsigned>(kPageSize) - offset);
        const u64 key = page.host ? reinterpret_cast<u64>(page.host) + offset : ~(page.physical.value + offset);
        if (page.host) std::memcpy(bytes, page.host + offset, available);
        else if (!c.mmu().fetch_bytes(LinearAddr(linear), available, c.privilege(), bytes, page_fault)) return fault();
        block = c.blocks().checked_block(key, bytes, available, mode);
        if (!block) {
            const u64 second = c.in_64bit_mode() ? linear + available : static_cast<u32>(linear + available);
            if (c.in_64bit_mode() && !c.canonical(second)) {
                c.raise(Vector::GP, 0);
                return nullptr;
            }
            const unsigned rest = BlockCache::kMaxLength - available;
            if (!c.mmu().fetch_bytes(LinearAddr(second), rest, c.privilege(), bytes + available, page_fault)) {
                page_fault.address = LinearAddr(second);
                return fault();
            }
            block = c.blocks().checked_block(key, bytes, BlockCache::kMaxLength, mode);
        }
    }
    if (limited && ip + block->bytes - 1 > cs.limit) {
        c.raise(Vector::GP, 0);
        return nullptr;
    }
    return block;
}

void Engine::remember(Cpu& c, u64 linear, Block* block) {
    if (block->checked) return;
    c.jump_cache_entry(linear) = {linear, block->entry()};
}

// ---- chaining -------------------------------------------------------------------------------------------

GNOMON_HANDLER void resolve(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    park_registers(c, ip, r, s, k);
    if (returns_to_loop(c, ip)) return;
    Block* block = Engine::lookup(*c, ip, c->mode_key);
    if (!block) {
        if (Engine::deliver_fault(*c) || c->leave_after) return;
        GNOMON_TAIL jump_to(c, i, c->state.rip, c->lazy.result, c->lazy.source, c->lazy.kind);
    }
    if (block->mode == c->mode_key) Engine::remember(*c, code_linear(*c, ip), block);
    GNOMON_TAIL enter_block(c, block->entry(), ip, r, s, k);
}

GNOMON_HANDLER void jump_to(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    const u64 linear = code_linear(*c, ip);
    const Cpu::JumpCacheEntry& known = c->jump_cache_entry(linear);
    if (known.linear != linear) [[unlikely]] GNOMON_TAIL resolve(c, i, ip, r, s, k);
    const Block* block = block_of_entry(known.entry);
    if (block->mode != c->mode_key || !holds_at(c, block, linear)) [[unlikely]] GNOMON_TAIL resolve(c, i, ip, r, s, k);
    if (!(block->mode & mode::kFlat) && ip + block->bytes - 1 > c->segment(Seg::CS).limit) [[unlikely]]
        GNOMON_TAIL resolve(c, i, ip, r, s, k);
    GNOMON_TAIL enter_block(c, known.entry, ip, r, s, k);
}

namespace {

/// The link to a block in another page, which holds as long as that page is where it was. `W` is the width of IP.
template <class W>
GNOMON_HANDLER void enter_far(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    const u64 linear = static_cast<W>(ip);
    if (!holds_at(c, block_of_entry(i->taken), linear)) [[unlikely]] GNOMON_TAIL link_taken(c, i->fall, ip, r, s, k);
    GNOMON_TAIL enter_block(c, i->taken, linear, r, s, k);
}

/// Looks the target up, and links the side of the end slot `i` to it. The blocks that follow others into the next page are left to
/// the jump cache.
template <bool taken>
GNOMON_HANDLER GNOMON_INLINE void link(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    park_registers(c, ip, r, s, k);
    if (returns_to_loop(c, ip)) return;
    const u64 flushes = c->blocks().counters().flushes;
    const u32 mode = c->mode_key;
    Block* block = Engine::lookup(*c, ip, mode);
    if (!block) {
        if (Engine::deliver_fault(*c) || c->leave_after) return;
        GNOMON_TAIL jump_to(c, i, c->state.rip, c->lazy.result, c->lazy.source, c->lazy.kind);
    }
    if (c->blocks().counters().flushes == flushes && !block->checked && block->mode == mode) {
        const u64 start = taken ? ip - i[-1].imm : ip - i->ip_offset;
        const bool same_page = ((code_linear(*c, start) ^ code_linear(*c, ip)) & kPageMask) == 0;
        auto* end = const_cast<Instruction*>(i);
        if (!block_of(i)->checked && (same_page || taken)) {
            const Handler far = c->in_64bit_mode() ? &enter_far<u64> : &enter_far<u32>;
            (taken ? end->taken : end->fall) = same_page ? block->entry() : c->blocks().far_link(end, *block, far);
        } else {
            Engine::remember(*c, code_linear(*c, ip), block);
        }
    }
    GNOMON_TAIL enter_block(c, block->entry(), ip, r, s, k);
}

}  // namespace

GNOMON_HANDLER void link_taken(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    const u64 start = ip - i[-1].imm;
    ip = cut_ip(*c, ip);
    if (!surely_canonical(ip) && !c->canonical(ip)) [[unlikely]] GNOMON_TAIL branch_beyond_limit(c, i - 1, start, r, s, k);
    // A far link that does not hold, because the code runs elsewhere or the page it leads to is not in the TLB, may hold again.
    if (i->taken || block_of(i)->checked) GNOMON_TAIL jump_to(c, i, ip, r, s, k);
    GNOMON_TAIL link<true>(c, i, ip, r, s, k);
}

GNOMON_HANDLER void link_fall(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    const u64 start = ip - i->ip_offset;
    ip = cut_ip(*c, ip);
    if ((code_linear(*c, start) ^ code_linear(*c, ip)) & kPageMask) GNOMON_TAIL jump_to(c, i, ip, r, s, k);
    GNOMON_TAIL link<false>(c, i, ip, r, s, k);
}

GNOMON_HANDLER void out_of_budget(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    // A far link gets the IP before it is cut and known to be canonical.
    if (is_far_link(i)) GNOMON_TAIL link_taken(c, i->fall, ip, r, s, k);
    park_registers(c, ip, r, s, k);
}

GNOMON_HANDLER void branch_beyond_limit(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    detail::enter_out_of_line(c, i, ip, r, s, k);
    detail::park(c, c->raise(Vector::GP, 0));
    GNOMON_TAIL leave_block(c, i, ip, r, s, k);
}

GNOMON_HANDLER void dead_block(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    auto* dead = const_cast<Block*>(block_of_entry(i));
    c->budget += dead->count;
    Block* heir = dead->next;
    if (!heir || heir->dead) heir = dead->checked ? nullptr : c->blocks().find(dead->host, dead->mode);
    if (!heir || heir->checked) GNOMON_TAIL resolve(c, i, ip, r, s, k);
    dead->next = heir;
    GNOMON_TAIL enter_block(c, heir->entry(), ip, r, s, k);
}

// ---- leaving --------------------------------------------------------------------------------------------

void Engine::park(Cpu& c, Outcome outcome) { c.outcome_ = outcome; }

namespace detail {
void park(Cpu* cpu, Outcome outcome) { Engine::park(*cpu, outcome); }
}  // namespace detail

bool Engine::deliver_fault(Cpu& c) {
    c.counters.exceptions++;
    c.budget--;    // so that a guest that does nothing but fault does not stop the clock
    return !c.deliver(EventKind::Exception, c.fault);
}

bool Engine::complete(Cpu& c, const Instruction& insn) {
    const unsigned executed = insn.index_in_block + (c.outcome_ == Outcome::Fault ? 0u : 1u);
    c.budget += block_of(&insn)->count - executed;
    c.current = nullptr;
    bool stop = c.leave_after;
    switch (c.outcome_) {
    case Outcome::Next: c.state.rip = cut_ip(c, c.next_rip); break;
    case Outcome::Jump:
    case Outcome::Repeat: break;
    case Outcome::Stop: stop = true; break;
    case Outcome::Fault: stop |= deliver_fault(c); break;
    }
    return stop;
}

GNOMON_HANDLER void leave_block(Cpu* c, const Instruction* i, u64, u64, u64, u64) {
    if (Engine::complete(*c, *i)) return;
    GNOMON_TAIL jump_to(c, i, c->state.rip, c->lazy.result, c->lazy.source, c->lazy.kind);
}

// ---- the run loop ---------------------------------------------------------------------------------------

bool Cpu::take_interrupt() {
    if (state.nmi_pending && !state.nmi_blocked) {
        state.nmi_pending = false;
        state.activity = Activity::Active;
        counters.interrupts++;
        deliver(EventKind::Nmi, {Vector::NMI, false, 0, 0});
        return true;
    }
    if (intr_ && (state.eflags & flag::IF)) {
        state.activity = Activity::Active;
        sync_clock();
        const u8 vector = pic_.acknowledge();
        counters.interrupts++;
        deliver(EventKind::External, {static_cast<Vector>(vector), false, 0, 0});
        return true;
    }
    return false;
}

namespace {

/// IP behind the instruction that the block consists of, if it is a branch.
u64 branch_end(Block& block, u64 ip) {
    switch (branch_kind(opcode_row(block.entry()->row))) {
    case BranchKind::None: break;
    case BranchKind::Conditional: return ip + block.bytes;
    case BranchKind::Always: return Cpu::kAlwaysTaken;
    }
    return Cpu::kNoBranch;
}

}  // namespace

void Cpu::execute_from(u64 limit) {
    u32 mode = mode_key;
    const bool careful = limit < static_cast<u64>(budget);
    if (careful) {
        set_aside_ += budget - static_cast<i64>(limit);
        budget = static_cast<i64>(limit);
        mode |= mode::kSingle;
    }
    Block* block = Engine::lookup(*this, state.rip, mode);
    if (block && block->count > budget) {
        counters.single_steps++;
        block = Engine::lookup(*this, state.rip, mode | mode::kSingle);
    }
    if (!block) {
        outcome_ = Outcome::Fault;
        Engine::deliver_fault(*this);
        return;
    }
    budget -= block->count;
    if (state.msr.debug_control & (debugctl::LBR | debugctl::BTF)) branch_ends_at_ = branch_end(*block, state.rip);
    block->entry()->handler(this, block->entry(), state.rip, lazy.result, lazy.source, lazy.kind);
}

StopReason Cpu::run(u64 instructions) {
    slice_ = static_cast<i64>(std::min({instructions, u64{1} << 62, performance_counters_->allowance()}));
    budget = slice_;
    set_aside_ = 0;
    reported_ = 0;
    StopReason reason = StopReason::Budget;
    for (;;) {
        budget += set_aside_;
        set_aside_ = 0;
        leave_after = false;
        if (state.activity == Activity::Shutdown) {
            reason = StopReason::Shutdown;
            break;
        }
        if (stop_requested_) {
            reason = StopReason::Requested;
            break;
        }
        if (state.activity == Activity::WaitForSipi) {
            reason = StopReason::Halted;
            break;
        }
        const bool inhibited = std::exchange(state.inhibit_interrupts, false);
        if (!inhibited && take_interrupt()) continue;
        if (state.activity == Activity::Waiting && wake_up_pending()) {
            state.activity = Activity::Active;
            state.monitored_line = MonitorUnit::kNone;
        }
        if (state.activity == Activity::Halted || state.activity == Activity::Waiting) {
            reason = StopReason::Halted;
            break;
        }
        if (budget <= 0) {
            state.inhibit_interrupts = inhibited;
            break;
        }
        const u64 allowed = observer_ ? observer_->allowance(*this) : CpuObserver::kFree;
        // It may have asked for a stop, or for the processor at the next boundary: this is one.
        budget += std::exchange(set_aside_, 0);
        leave_after = false;
        if (allowed == 0) {
            state.inhibit_interrupts = inhibited;
            reason = StopReason::Requested;
            break;
        }
        const bool careful = mode_key & mode::kSingle;
        if (careful && before_instruction(*this)) {
            Engine::deliver_fault(*this);
            continue;
        }
        outcome_ = Outcome::Next;
        const u64 from = state.rip;
        branch_ends_at_ = kNoBranch;
        execute_from(inhibited || careful ? 1 : std::min(allowed, static_cast<u64>(budget)));
        if (!careful || outcome_ == Outcome::Fault) continue;
        const bool branched = branch_ends_at_ != kNoBranch && state.rip != branch_ends_at_;
        if (after_instruction(*this, outcome_ == Outcome::Repeat, branched ? std::optional(from) : std::nullopt)) Engine::deliver_fault(*this);
    }
    release_fpu();
    stop_requested_ = false;
    const u64 executed = static_cast<u64>(slice_ - budget);
    retire(executed - reported_);
    slice_ = budget = 0;
    reported_ = 0;
    performance_counters_->end_of_allowance();
    return reason;
}

void Cpu::sync_clock() {
    release_fpu();
    i64 left = budget + set_aside_;
    if (current) left += block_of(current)->count - current->index_in_block;
    const u64 executed = static_cast<u64>(std::max<i64>(slice_ - left, 0));
    if (executed > reported_) {
        retire(executed - reported_);
        reported_ = executed;
    }
}

void Cpu::shorten_budget(u64 instructions) {
    sync_clock();
    const i64 in_block = current ? block_of(current)->count - current->index_in_block : 0;
    const i64 left = budget + set_aside_ + in_block;
    if (left <= static_cast<i64>(instructions)) return;
    const i64 excess = left - static_cast<i64>(instructions);
    slice_ -= excess;
    set_aside_ -= excess;
    break_chain();
}

}  // namespace gnomon
