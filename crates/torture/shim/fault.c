// Preloaded into a driver: fails, shortens or delays its calls on the files below SPOOL_FAULT_DIR.
//   SPOOL_FAULT=op:nth:action:times  op is open, write, rename, unlink, fdatasync, fsync or ftruncate; nth counts from 1;
//                                    action is an errno, sN (takes at most N bytes), dMS (takes so many ms first), hN (a
//                                    write takes at most N bytes, and no call returns) or nN (takes at most N bytes, and
//                                    the next of its kind does nothing and does not return)
//   SPOOL_FAULT_RANDOM=seed:every_ms:for_ms  now and then, one kind of call fails for a while, with an errno of the list
//   SPOOL_FAULT_COUNT=FILE           at exit, how often each was called
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

enum op { OPEN, WRITE, RENAME, UNLINK, FDATASYNC, FSYNC, FTRUNCATE, OPS };
static const char *const names[OPS] = {"open", "write", "rename", "unlink", "fdatasync", "fsync", "ftruncate"};
static const int errors[] = {EAGAIN, EBUSY, EINTR, EACCES, ENOSPC, EROFS, EIO, EMFILE, ENOMEM, ESTALE, EDQUOT};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *dir;
static long counts[OPS];
static int fault_op = -1;
static long fault_nth, fault_times, fault_number;
static char fault_kind;
static unsigned random_state;
static long random_every, random_for;

static long now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void pause_ms(long ms) {
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    while (nanosleep(&time, &time) != 0) {
    }
}

__attribute__((constructor)) static void begin(void) {
    char op[16] = "";
    const char *rule = getenv("SPOOL_FAULT"), *chance = getenv("SPOOL_FAULT_RANDOM");
    if (rule && sscanf(rule, "%15[a-z]:%ld:%c%ld:%ld", op, &fault_nth, &fault_kind, &fault_number, &fault_times) == 5)
        for (int each = 0; each < OPS; each++)
            if (strcmp(op, names[each]) == 0)
                fault_op = each;
    if (chance)
        sscanf(chance, "%u:%ld:%ld", &random_state, &random_every, &random_for);
    dir = getenv("SPOOL_FAULT_DIR");
}

__attribute__((destructor)) static void end(void) {
    const char *path = getenv("SPOOL_FAULT_COUNT");
    FILE *out = path ? fopen(path, "w") : NULL;
    for (int each = 0; out && each < OPS; each++)
        fprintf(out, "%s %ld\n", names[each], counts[each]);
    if (out)
        fclose(out);
}

// What is done to this call: 0 nothing, else errno; *most is how many bytes it may take, *delay how long it waits before
// it is made; what is answered for *hangs is how long it waits after it.
static int strike(enum op op, const char *path, size_t *most, long *delay, long *hangs) {
    const long for_good = 3600 * 1000;
    int error = 0;
    if (!dir || strncmp(path, dir, strlen(dir)) != 0)
        return 0;
    pthread_mutex_lock(&lock);
    long count = ++counts[op];
    if ((int)op == fault_op && count >= fault_nth && count < fault_nth + fault_times) {
        if (fault_kind == 'e')
            error = (int)fault_number;
        else if (fault_kind == 's' && most)
            *most = (size_t)fault_number;
        else if (fault_kind == 'd')
            *delay = fault_number;
        else if (fault_kind == 'h' || fault_kind == 'n') {
            if (most)
                *most = (size_t)fault_number;
            if (fault_kind == 'h')
                *hangs = for_good;
        }
    } else if ((int)op == fault_op && count >= fault_nth + fault_times && fault_kind == 'n') {
        *delay = for_good;
    }
    if (random_every) {
        static long until;
        static int struck, with;
        long now = now_ms();
        if (now > until + random_every) {
            until = now + rand_r(&random_state) % random_for;
            struck = rand_r(&random_state) % OPS;
            with = errors[rand_r(&random_state) % (sizeof errors / sizeof *errors)];
        }
        if (now < until && struck == (int)op)
            error = with;
    }
    pthread_mutex_unlock(&lock);
    return error;
}

static const char *path_of(int fd, char *room) {
    char link[32];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, room, PATH_MAX - 1);
    room[length > 0 ? length : 0] = 0;
    return room;
}

// The whole path of a name in a directory that is open.
static const char *path_at(int in, const char *name, char *room) {
    if (name[0] == '/' || in == AT_FDCWD)
        return name;
    path_of(in, room);
    size_t length = strlen(room);
    snprintf(room + length, PATH_MAX - length, "/%s", name);
    return room;
}

#define REAL(symbol) \
    static __typeof__(symbol) *real; \
    if (!real) \
    real = (__typeof__(symbol) *)dlsym(RTLD_NEXT, #symbol)
#define STRIKE(op, path) \
    size_t most = SIZE_MAX; \
    long delay = 0, hangs = 0; \
    int error = strike(op, path, &most, &delay, &hangs); \
    if (delay) \
        pause_ms(delay); \
    if (error) { \
        errno = error; \
        return -1; \
    } \
    (void)most, (void)hangs

// What a call answers, once it may.
#define AFTER(answer) (hangs ? pause_ms(hangs) : (void)0, answer)

#define OPENER(symbol) \
    int symbol(const char *path, int flags, ...) { \
        va_list list; \
        va_start(list, flags); \
        mode_t mode = va_arg(list, mode_t); \
        va_end(list); \
        REAL(symbol); \
        STRIKE(OPEN, path); \
        int answer = real(path, flags, mode); \
        return AFTER(answer); \
    }
OPENER(open)
OPENER(open64)

#define OPENER_AT(symbol) \
    int symbol(int in, const char *name, int flags, ...) { \
        va_list list; \
        va_start(list, flags); \
        mode_t mode = va_arg(list, mode_t); \
        va_end(list); \
        char room[PATH_MAX]; \
        REAL(symbol); \
        STRIKE(OPEN, path_at(in, name, room)); \
        int answer = real(in, name, flags, mode); \
        return AFTER(answer); \
    }
OPENER_AT(openat)
OPENER_AT(openat64)

ssize_t write(int fd, const void *bytes, size_t length) {
    char room[PATH_MAX];
    REAL(write);
    STRIKE(WRITE, path_of(fd, room));
    ssize_t taken = real(fd, bytes, length < most ? length : most);
    return AFTER(taken);
}

int rename(const char *from, const char *to) {
    REAL(rename);
    STRIKE(RENAME, from);
    int answer = real(from, to);
    return AFTER(answer);
}

int renameat(int from_dir, const char *from, int to_dir, const char *to) {
    char room[PATH_MAX];
    REAL(renameat);
    STRIKE(RENAME, path_at(from_dir, from, room));
    int answer = real(from_dir, from, to_dir, to);
    return AFTER(answer);
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags) {
    char room[PATH_MAX];
    REAL(renameat2);
    STRIKE(RENAME, path_at(from_dir, from, room));
    int answer = real(from_dir, from, to_dir, to, flags);
    return AFTER(answer);
}

int unlink(const char *path) {
    REAL(unlink);
    STRIKE(UNLINK, path);
    int answer = real(path);
    return AFTER(answer);
}

int unlinkat(int in, const char *name, int flags) {
    char room[PATH_MAX];
    REAL(unlinkat);
    STRIKE(UNLINK, path_at(in, name, room));
    int answer = real(in, name, flags);
    return AFTER(answer);
}

#define OF_FD(symbol, op) \
    int symbol(int fd) { \
        char room[PATH_MAX]; \
        REAL(symbol); \
        STRIKE(op, path_of(fd, room)); \
        int answer = real(fd); \
        return AFTER(answer); \
    }
OF_FD(fdatasync, FDATASYNC)
OF_FD(fsync, FSYNC)

#define CUTTER(symbol, offset) \
    int symbol(int fd, offset length) { \
        char room[PATH_MAX]; \
        REAL(symbol); \
        STRIKE(FTRUNCATE, path_of(fd, room)); \
        int answer = real(fd, length); \
        return AFTER(answer); \
    }
CUTTER(ftruncate, off_t)
CUTTER(ftruncate64, off64_t)
