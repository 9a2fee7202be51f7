/* Records what a process does to the files of one directory, so that a test can work out what a power
 * cut may leave of them. Loaded into the real chitchatd by LD_PRELOAD.
 *
 * POWER_DIRECTORY is the directory, POWER_JOURNAL the file that is written. Each record is appended by
 * one write, after what it tells of has happened and before the caller hears of it: whatever a client is
 * told is after the records that it rests on. One lock makes the order of the records that of the calls.
 *
 * A record, numbers little-endian:
 *   kind (1 byte)  length of the name (1)  offset (8)  length (8)  name  data
 *   C  the file was created              W  data was written at the offset
 *   T  it is now `offset` bytes long     S  fsync or fdatasync; "." is the directory
 *   U  its name was removed
 *
 * With POWER_LIE=1 no S is recorded, as if nothing were ever synced. `-shm` files are memory that
 * processes share, which no one expects on a disk. What is written through mmap or renamed is not seen;
 * SQLite does neither to its files.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define FILES_MAX 4096
#define NAME_MAX_HERE 64

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int journal = -1;
static const char *directory;
static size_t directory_length;
static int lies;
/* By descriptor: the name within the directory, or empty. */
static char names[FILES_MAX][NAME_MAX_HERE];

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("POWER_JOURNAL");
    directory = getenv("POWER_DIRECTORY");
    lies = getenv("POWER_LIE") != NULL;
    if (!path || !directory) return;
    directory_length = strlen(directory);
    journal = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    /* A test that records nothing must not look passed. */
    if (journal < 0) abort();
}

/* The name within the directory; NULL if it is elsewhere or not recorded. */
static const char *inside(const char *path) {
    if (journal < 0 || !path || strncmp(path, directory, directory_length) != 0) return NULL;
    const char *rest = path + directory_length;
    if (*rest == '\0') return ".";
    if (*rest != '/') return NULL;
    size_t length = strlen(++rest);
    if (length == 0) return ".";
    if (length >= NAME_MAX_HERE || strchr(rest, '/')) return NULL;
    if (length > 4 && strcmp(rest + length - 4, "-shm") == 0) return NULL;
    return rest;
}

static const char *name_of(int fd) {
    return journal >= 0 && fd >= 0 && fd < FILES_MAX && names[fd][0] ? names[fd] : NULL;
}

static void record(char kind, const char *name, uint64_t offset, const void *data, uint64_t length) {
    unsigned char head[18];
    if (kind == 'S' && lies) return;
    head[0] = kind;
    head[1] = strlen(name);
    for (int i = 0; i < 8; i++) head[2 + i] = offset >> (8 * i), head[10 + i] = length >> (8 * i);
    struct iovec parts[3] = {{head, sizeof head}, {(void *)name, head[1]}, {(void *)data, length}};
    ssize_t all = sizeof head + head[1] + length;
    if (syscall(SYS_writev, journal, parts, 3) != all) abort();
}

static int open_file(int at, const char *path, int flags, mode_t mode) {
    const char *name = inside(path);
    if (!name) {
        int fd = syscall(SYS_openat, at, path, flags, mode);
        if (journal >= 0 && fd >= 0 && fd < FILES_MAX) names[fd][0] = '\0';
        return fd;
    }
    pthread_mutex_lock(&lock);
    int existed = syscall(SYS_faccessat, at, path, F_OK) == 0;
    int fd = syscall(SYS_openat, at, path, flags, mode);
    int error = errno;
    if (fd >= FILES_MAX) abort();
    if (fd >= 0) {
        strcpy(names[fd], name);
        if (!existed) record('C', name, 0, "", 0);
        else if (flags & O_TRUNC) record('T', name, 0, "", 0);
    }
    pthread_mutex_unlock(&lock);
    errno = error;
    return fd;
}

#define MODE(flags) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | __O_TMPFILE)) { va_list list; va_start(list, flags); mode = va_arg(list, mode_t); va_end(list); }

int open(const char *path, int flags, ...) { MODE(flags) return open_file(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE(flags) return open_file(AT_FDCWD, path, flags, mode); }
int openat(int at, const char *path, int flags, ...) { MODE(flags) return open_file(at, path, flags, mode); }
int openat64(int at, const char *path, int flags, ...) { MODE(flags) return open_file(at, path, flags, mode); }

int close(int fd) {
    if (journal >= 0 && fd >= 0 && fd < FILES_MAX) names[fd][0] = '\0';
    return syscall(SYS_close, fd);
}

static ssize_t write_at(int fd, const void *data, size_t length, off64_t offset) {
    const char *name = name_of(fd);
    if (!name) return syscall(SYS_pwrite64, fd, data, length, offset);
    pthread_mutex_lock(&lock);
    ssize_t written = syscall(SYS_pwrite64, fd, data, length, offset);
    int error = errno;
    if (written > 0) record('W', name, offset, data, written);
    pthread_mutex_unlock(&lock);
    errno = error;
    return written;
}

ssize_t pwrite(int fd, const void *data, size_t length, off_t offset) { return write_at(fd, data, length, offset); }
ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset) { return write_at(fd, data, length, offset); }

ssize_t write(int fd, const void *data, size_t length) {
    const char *name = name_of(fd);
    if (!name) return syscall(SYS_write, fd, data, length);
    pthread_mutex_lock(&lock);
    off64_t offset = syscall(SYS_lseek, fd, 0, SEEK_CUR);
    ssize_t written = syscall(SYS_write, fd, data, length);
    int error = errno;
    if (written > 0) record('W', name, offset, data, written);
    pthread_mutex_unlock(&lock);
    errno = error;
    return written;
}

static int truncate_to(int fd, off64_t length) {
    const char *name = name_of(fd);
    if (!name) return syscall(SYS_ftruncate, fd, length);
    pthread_mutex_lock(&lock);
    int done = syscall(SYS_ftruncate, fd, length);
    int error = errno;
    if (done == 0) record('T', name, length, "", 0);
    pthread_mutex_unlock(&lock);
    errno = error;
    return done;
}

int ftruncate(int fd, off_t length) { return truncate_to(fd, length); }
int ftruncate64(int fd, off64_t length) { return truncate_to(fd, length); }

static int sync_file(int fd, long call) {
    const char *name = name_of(fd);
    if (!name) return syscall(call, fd);
    pthread_mutex_lock(&lock);
    int done = syscall(call, fd);
    int error = errno;
    if (done == 0) record('S', name, 0, "", 0);
    pthread_mutex_unlock(&lock);
    errno = error;
    return done;
}

int fsync(int fd) { return sync_file(fd, SYS_fsync); }
int fdatasync(int fd) { return sync_file(fd, SYS_fdatasync); }

static int remove_name(int at, const char *path, int flags) {
    const char *name = inside(path);
    if (!name) return syscall(SYS_unlinkat, at, path, flags);
    pthread_mutex_lock(&lock);
    int done = syscall(SYS_unlinkat, at, path, flags);
    int error = errno;
    if (done == 0) record('U', name, 0, "", 0);
    pthread_mutex_unlock(&lock);
    errno = error;
    return done;
}

int unlink(const char *path) { return remove_name(AT_FDCWD, path, 0); }
int unlinkat(int at, const char *path, int flags) { return remove_name(at, path, flags); }
