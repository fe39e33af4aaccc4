// ADC, SBB; ADCX and ADOX, which carry through one flag and leave the others.
#include "cpu/alu_forms.h"

namespace gnomon {

template void build_alu<alu::Adc>(const Decoded&, Instruction&);
template void build_alu<alu::Sbb>(const Decoded&, Instruction&);

namespace {

template <class T, u32 carry_flag>
GNOMON_INLINE T add_through(T a, T b, LazyFlags& f) {
    const u32 flags = lazy::all(f.result, f.source, f.kind);
    T partial;
    T value;
    const bool first = __builtin_add_overflow(a, b, &partial);
    const bool second = __builtin_add_overflow(partial, static_cast<T>((flags & carry_flag) != 0), &value);
    f = {(flags & ~carry_flag) | (first || second ? carry_flag : 0), 0, 0};
    return value;
}

template <class T, u32 carry_flag>
Outcome add_carry(Cpu& c, const Instruction& i) {
    T b;
    if (!c.load_rm(i, b)) return Outcome::Fault;
    c.put_at<T>(i.reg, add_through<T, carry_flag>(c.get_at<T>(i.reg), b, c.lazy));
    return Outcome::Next;
}

template <class T, u32 carry_flag>
GNOMON_HANDLER void add_carry_r(Cpu* c, const Instruction* i, u64 ip, u64 r, u64 s, u64 k) {
    LazyFlags f{r, s, k};
    c->put_at<T>(i->reg, add_through<T, carry_flag>(c->get_at<T>(i->reg), c->get_at<T>(i->rm), f));
    GNOMON_TAIL next(c, i, ip, f.result, f.source, f.kind);
}

template <u32 carry_flag>
Handler add_carry_handler(const Decoded& d) {
    // The prefix 66 of ADCX is not an operand size.
    if (d.operand_bytes == 8) return d.memory ? &call<&add_carry<u64, carry_flag>> : &add_carry_r<u64, carry_flag>;
    return d.memory ? &call<&add_carry<u32, carry_flag>> : &add_carry_r<u32, carry_flag>;
}

}  // namespace

void build_adcx(const Decoded& d, Instruction& insn) { insn.handler = add_carry_handler<flag::CF>(d); }
void build_adox(const Decoded& d, Instruction& insn) { insn.handler = add_carry_handler<flag::OF>(d); }

}  // namespace gnomon
