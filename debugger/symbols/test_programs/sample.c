/* A program with something of everything that debugging information describes; compiled, never run. The tests
   know its lines by the words in the comments. */
typedef unsigned int word_t;
enum state { IDLE, RUNNING = 5 };
struct task {
    word_t pid;
    char name[8];
    enum state state;
    struct task* next;
    unsigned ready : 1, priority : 4;
    union {
        int code;
        unsigned short half[2];
    };
    double deadline;
    int (*run)(struct task*, char);
};

struct task idle_task = {.pid = 1, .name = "idle", .state = RUNNING, .priority = 9, .code = -2, .deadline = 77.5};
struct task* current = &idle_task;
int grid[2][3] = {{1, 2, 3}, {4, 5, 6}};
const char* banner = "ready\n";

__attribute__((noinline)) int leaf(int x) {
    return x * grid[1][2];  // leaf-line
}

__attribute__((noinline)) int middle(int x) {
    volatile int room[8];
    room[0] = x;
    return leaf(room[0]) + 1;  // middle-line
}

void _start(void) {
    current->pid = (word_t)middle(7);  // start-line
    for (;;) {
    }
}
