/* A small kernel with debugging information, for sessions of debuggers with Gnomon: it counts, calls, takes an
   interrupt and ends the machine. The tests know its lines by the words in the comments. */
struct counter {
    unsigned value;
    const char* name;
};

struct counter calls = {0, "calls"};
volatile unsigned interrupts;

static inline void out8(unsigned short port, unsigned char value) {
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

void handle_interrupt(void) {
    interrupts++;  /* in-handler */
}

__attribute__((noinline)) unsigned work(unsigned rounds, unsigned seed) {
    unsigned sum = seed;
    for (unsigned i = 0; i < rounds; i++) {
        sum = sum * 3 + i;
        calls.value++;  /* counts */
    }
    return sum;  /* work-returns */
}

__attribute__((noinline)) unsigned middle(unsigned rounds) {
    unsigned result = work(rounds, 1);  /* calls-work */
    return result + 1;
}

void kernel_main(void) {
    unsigned total = middle(3);        /* calls-middle */
    __asm__ volatile("int $0x30");     /* interrupts */
    out8(0xf4, (unsigned char)total);  /* ends */
    for (;;) __asm__ volatile("hlt");
}
