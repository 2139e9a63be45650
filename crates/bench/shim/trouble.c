// Preloaded into a measured process: counts what it asks of the kernel and of the allocator, and makes its disk slow.
// It changes no byte of what is written.
//
// The process talks to it through mkdir("/bench-shim/..."), which no peer calls and which fails without it:
//   begin        count from now on
//   end          stop, and write the counts to the file that BENCH_SHIM_OUT names
//   stall/MS     the next write to a regular file takes so long
//   delay/MS     every write to a regular file takes so long
//   often/MS/MS  from now on, after every second so many milliseconds, one write takes the first so many
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static atomic_int counting;
static atomic_long writes, wakes, allocations;
static atomic_long stall_ms, delay_ms, often_ms, often_gap_ms, last_ms;

static _Thread_local int caller; // 0 not known, 1 yes, 2 no

// Asked only while counting, when every thread has its name.
static int is_caller(void) {
    if (!caller) {
        char name[16] = "";
        pthread_getname_np(pthread_self(), name, sizeof name);
        caller = strncmp(name, "caller", 6) == 0 ? 1 : 2;
    }
    return caller == 1;
}

static void count(atomic_long *what) {
    if (atomic_load_explicit(&counting, memory_order_relaxed) && is_caller())
        atomic_fetch_add_explicit(what, 1, memory_order_relaxed);
}

static long now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void pause_ms(long ms) {
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    while (ms > 0 && nanosleep(&time, &time) != 0) {
    }
}

static void on_write(int fd) {
    struct stat stat;
    if (fd < 3 || fstat(fd, &stat) != 0 || !S_ISREG(stat.st_mode))
        return;
    if (atomic_load(&counting))
        atomic_fetch_add(&writes, 1);
    pause_ms(atomic_exchange(&stall_ms, 0));
    pause_ms(atomic_load(&delay_ms));
    long often = atomic_load(&often_ms), last = atomic_load(&last_ms), now = often ? now_ms() : 0;
    if (often && now - last >= atomic_load(&often_gap_ms) && atomic_compare_exchange_strong(&last_ms, &last, now))
        pause_ms(often);
}

static void report(void) {
    const char *path = getenv("BENCH_SHIM_OUT");
    FILE *out = path ? fopen(path, "w") : NULL;
    if (!out)
        return;
    fprintf(out, "{\"writes\":%ld,\"caller_wakes\":%ld,\"caller_allocations\":%ld}\n", atomic_load(&writes),
            atomic_load(&wakes), atomic_load(&allocations));
    fclose(out);
}

int mkdir(const char *path, mode_t mode) {
    static int (*real)(const char *, mode_t);
    static const char door[] = "/bench-shim/";
    long first, second;
    if (strncmp(path, door, sizeof door - 1) != 0) {
        if (!real)
            real = (int (*)(const char *, mode_t))dlsym(RTLD_NEXT, "mkdir");
        return real(path, mode);
    }
    const char *word = path + sizeof door - 1;
    if (strcmp(word, "begin") == 0) {
        atomic_store(&writes, 0), atomic_store(&wakes, 0), atomic_store(&allocations, 0);
        atomic_store(&counting, 1);
    } else if (strcmp(word, "end") == 0) {
        atomic_store(&counting, 0);
        report();
    } else if (sscanf(word, "often/%ld/%ld", &first, &second) == 2) {
        atomic_store(&often_gap_ms, second), atomic_store(&last_ms, now_ms()), atomic_store(&often_ms, first);
    } else if (sscanf(word, "stall/%ld", &first) == 1) {
        atomic_store(&stall_ms, first);
    } else if (sscanf(word, "delay/%ld", &first) == 1) {
        atomic_store(&delay_ms, first);
    } else {
        errno = EINVAL;
        return -1;
    }
    return 0;
}

ssize_t write(int fd, const void *bytes, size_t length) {
    on_write(fd);
    static ssize_t (*real)(int, const void *, size_t);
    if (!real)
        real = (ssize_t(*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
    return real(fd, bytes, length);
}

ssize_t writev(int fd, const struct iovec *parts, int number) {
    on_write(fd);
    static ssize_t (*real)(int, const struct iovec *, int);
    if (!real)
        real = (ssize_t(*)(int, const struct iovec *, int))dlsym(RTLD_NEXT, "writev");
    return real(fd, parts, number);
}

// Rust's std parks and wakes threads through this function.
long syscall(long number, ...) {
    static long (*real)(long, ...);
    va_list list;
    va_start(list, number);
    long a = va_arg(list, long), b = va_arg(list, long), c = va_arg(list, long);
    long d = va_arg(list, long), e = va_arg(list, long), f = va_arg(list, long);
    va_end(list);
    if (number == SYS_futex && ((int)b & FUTEX_CMD_MASK) == FUTEX_WAKE)
        count(&wakes);
    if (!real)
        real = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
    return real(number, a, b, c, d, e, f);
}

void *malloc(size_t bytes) {
    count(&allocations);
    return __libc_malloc(bytes);
}

void *calloc(size_t number, size_t bytes) {
    count(&allocations);
    return __libc_calloc(number, bytes);
}

void *realloc(void *old, size_t bytes) {
    count(&allocations);
    return __libc_realloc(old, bytes);
}

int posix_memalign(void **out, size_t alignment, size_t bytes) {
    count(&allocations);
    *out = __libc_memalign(alignment, bytes);
    return *out ? 0 : ENOMEM;
}
