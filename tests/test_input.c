/* Reading: streams, compression, signals, and what is too large. */
#include "folder.h"
#include "host/input.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <zstd.h>

TestSuite(input, .init = make_folder, .fini = remove_folder);

static int holds(const caviar_bytes *bytes, const void *data, size_t size) {
    return bytes->size == size && memcmp(bytes->data, data, size) == 0 && bytes->data[size] == 0;
}

static const char *write_zstd(const char *name, const void *data, size_t size) {
    static unsigned char compressed[200000];
    const size_t length = ZSTD_compress(compressed, sizeof compressed, data, size, 3);
    cr_assert(!ZSTD_isError(length));
    return write_file(name, compressed, length);
}

Test(input, is_read_up_to_a_limit) {
    unsigned char data[100001];
    caviar_bytes bytes;
    for (size_t i = 0; i < sizeof data; i++) data[i] = (unsigned char)(i * i >> 7);
    static const size_t sizes[] = { 0, 1, 2, 4095, 65535, 65536, 65537, 100000 };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const size_t size = sizes[i];
        const char *paths[3] = { write_file("plain", data, size), write_gzip("gzip", data, size),
                                 write_zstd("zstd", data, size) };
        for (int p = 0; p < 3; p++) {
            SUCCEEDS(caviar_file_read(&bytes, paths[p], CAVIAR_MAYBE_COMPRESSED, 0));
            cr_expect(holds(&bytes, data, size), "%zu", size);
            free(bytes.data);
            if (size == 0) continue; /* a limit of 0 is half of the memory */
            SUCCEEDS(caviar_file_read(&bytes, paths[p], CAVIAR_MAYBE_COMPRESSED, size));
            cr_expect(holds(&bytes, data, size), "%zu", size);
            free(bytes.data);
            if (size == 1) continue;
            REFUSES(caviar_file_read(&bytes, paths[p], CAVIAR_MAYBE_COMPRESSED, size - 1), CAVIAR_BAD_FILE,
                    "holds more than");
        }
    }
    /* Compressed data is only decompressed where that is asked for. */
    size_t size;
    const char *path = write_gzip("gzip", data, 5000);
    unsigned char *compressed = read_file(&size, path);
    SUCCEEDS(caviar_file_read(&bytes, path, CAVIAR_PLAIN, 0));
    cr_expect(holds(&bytes, compressed, size));
    free(bytes.data);
    free(compressed);
    /* A few kilobytes that decompress to 64 megabytes stop at the limit. */
    gzFile bomb = gzopen(in_folder("bomb"), "wb9");
    memset(data, 0, sizeof data);
    for (int i = 0; i < 640; i++) gzwrite(bomb, data, 100000);
    gzclose(bomb);
    REFUSES(caviar_file_read(&bytes, in_folder("bomb"), CAVIAR_MAYBE_COMPRESSED, 1000000), CAVIAR_BAD_FILE,
            "holds more than 1000000 bytes");
}

/* Compressed content that stands for "first" and "second", and how `bytes` [size] is told apart. */
static unsigned char *two_members(size_t *size, int zstd, size_t *first) {
    size_t sizes[2];
    unsigned char *parts[2];
    for (int i = 0; i < 2; i++) {
        const char *text = i ? "second" : "first";
        parts[i] = read_file(&sizes[i], (zstd ? write_zstd : write_gzip)("part", text, strlen(text)));
    }
    unsigned char *both = malloc(sizes[0] + sizes[1] + 8);
    memcpy(both, parts[0], sizes[0]);
    memcpy(both + sizes[0], parts[1], sizes[1]);
    memset(both + sizes[0] + sizes[1], 0, 8);
    *first = sizes[0];
    *size = sizes[0] + sizes[1];
    free(parts[0]);
    free(parts[1]);
    return both;
}

static caviar_status read_whole(const char *path) {
    caviar_bytes bytes;
    const caviar_status status = caviar_file_read(&bytes, path, CAVIAR_MAYBE_COMPRESSED, 0);
    if (status == CAVIAR_OK) free(bytes.data);
    return status;
}

Test(input, goes_on_through_all_members_and_is_refused_where_it_is_damaged) {
    for (int zstd = 0; zstd < 2; zstd++) {
        caviar_bytes bytes;
        size_t size, first;
        char message[64];
        unsigned char *data = two_members(&size, zstd, &first);
        for (size_t zeros = 0; zeros <= 8; zeros += 4) {
            const char *path = write_file("x", data, size + zeros);
            SUCCEEDS(caviar_file_read(&bytes, path, CAVIAR_MAYBE_COMPRESSED, 0));
            cr_expect(holds(&bytes, "firstsecond", 11), "%s", (char *)bytes.data);
            free(bytes.data);
        }
        data[size + 3] = 'x';
        snprintf(message, sizeof message, "is over before byte %zu", size + 3);
        REFUSES(read_whole(write_file("x", data, size + 4)), CAVIAR_BAD_FILE, message);
        /* Cut off where the first member ends, nothing shows that there was a second; 3 bytes of Zstandard's 4 of
           magic, or one of gzip's 2, do not show that it is compressed at all. */
        const damage_count cut = damage("cut", data, size, 1, read_whole);
        cr_expect_eq(cut.loaded, zstd ? 5 : 3);
        const damage_count flipped = damage("flipped", data, size, 0, read_whole);
        cr_expect(flipped.refused > 8 * (int)size / 3, "%d", flipped.refused);
        snprintf(message, sizeof message, "ends early, at byte %zu", size - 1);
        REFUSES(read_whole(write_file("x", data, size - 1)), CAVIAR_BAD_FILE, message);
        free(data);
    }
    static const unsigned char skippable[] = { 0x5e, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 'h', 'i' };
    unsigned char frames[64];
    size_t size;
    caviar_bytes bytes;
    unsigned char *frame = read_file(&size, write_zstd("x", "text", 4));
    memcpy(frames, skippable, sizeof skippable);
    memcpy(frames + sizeof skippable, frame, size);
    memcpy(frames + sizeof skippable + size, skippable, sizeof skippable);
    const char *path = write_file("x", frames, 2 * sizeof skippable + size);
    SUCCEEDS(caviar_file_read(&bytes, path, CAVIAR_MAYBE_COMPRESSED, 0));
    cr_expect(holds(&bytes, "text", 4));
    free(bytes.data);
    free(frame);
}

Test(input, names_what_it_cannot_read) {
    REFUSES(read_whole(in_folder("none")), CAVIAR_IO_ERROR, "none: cannot open: No such file");
    REFUSES(read_whole(folder), CAVIAR_IO_ERROR, "is a folder, not a file");
    REFUSES(read_whole(write_file("x",
                                  "\xfd"
                                  "7zXZ\0\0\0\0\0\0",
                                  12)),
            CAVIAR_BAD_FILE, "compressed by xz");
    REFUSES(read_whole(write_text("x", "BZh91AY&SY...")), CAVIAR_BAD_FILE, "bunzip2");
    REFUSES(read_whole(write_file("x", "\x04\x22\x4d\x18....", 8)), CAVIAR_BAD_FILE, "lz4");
    SUCCEEDS(read_whole(write_text("x", "BZh is a name")));
    /* A device has no end. */
    caviar_bytes bytes;
    REFUSES(caviar_file_read(&bytes, "/dev/zero", CAVIAR_MAYBE_COMPRESSED, 1 << 20), CAVIAR_BAD_FILE,
            "/dev/zero: holds more than 1048576 bytes");
    SUCCEEDS(read_whole("/dev/null"));
    /* A file that says how large it is is not read in vain. */
    cr_assert(truncate(write_text("sparse", ""), (off_t)1 << 42) == 0);
    REFUSES(read_whole(in_folder("sparse")), CAVIAR_BAD_FILE, "half of the memory");
}

Test(input, shows_what_comes_next) {
    static unsigned char data[3000], got[3000];
    for (size_t i = 0; i < sizeof data; i++) data[i] = (unsigned char)(i * 7 >> 3);
    const char *paths[3] = { write_file("plain", data, sizeof data), write_gzip("gzip", data, sizeof data),
                             write_zstd("zstd", data, sizeof data) };
    for (int p = 0; p < 3; p++) {
        caviar_input *input;
        const unsigned char *next;
        size_t count, at = 0;
        SUCCEEDS(caviar_input_open(&input, paths[p], CAVIAR_MAYBE_COMPRESSED));
        cr_expect_eq(caviar_input_size(input), p ? 0 : sizeof data);
        cr_expect_str_eq(caviar_input_name(input), paths[p]);
        for (size_t size = 1; at < sizeof data; size = 3 * size % 601 + 1) {
            const size_t left = sizeof data - at;
            SUCCEEDS(caviar_input_peek(&next, &count, input));
            cr_assert_eq(count, left < CAVIAR_INPUT_PEEK ? left : CAVIAR_INPUT_PEEK);
            cr_assert(memcmp(next, data + at, count) == 0);
            SUCCEEDS(caviar_input_read(&count, input, got + at, size));
            cr_assert_eq(count, left < size ? left : size);
            at += count;
        }
        cr_expect(memcmp(got, data, sizeof data) == 0);
        SUCCEEDS(caviar_input_peek(&next, &count, input));
        cr_expect_eq(count, 0);
        SUCCEEDS(caviar_input_read(&count, input, got, 1));
        cr_expect_eq(count, 0);
        caviar_input_close(input);
    }
}

/* ------------------------------------------------------------------------------------------------- pipes and signals
 */

static unsigned char piped[5000];
static size_t piped_size;

/* Opens late and writes in pieces, so that a reader waits for each. */
static void *fill_pipe(void *path) {
    usleep(20000);
    const int pipe = open(path, O_WRONLY);
    for (size_t at = 0; pipe >= 0 && at < piped_size;) {
        const size_t most = at < 3 ? 1 : 700;
        const ssize_t count = write(pipe, piped + at, piped_size - at < most ? piped_size - at : most);
        if (count > 0) at += (size_t)count;
        usleep(3000);
    }
    close(pipe);
    return NULL;
}

static void ignore(int number) {
    (void)number;
}

/* A signal each millisecond, and no system call that is restarted after it. */
static void interrupt_often(int microseconds) {
    const struct sigaction action = { .sa_handler = ignore };
    const struct itimerval timer = { { 0, microseconds }, { 0, microseconds } };
    cr_assert(sigaction(SIGALRM, &action, NULL) == 0 && setitimer(ITIMER_REAL, &timer, NULL) == 0);
}

/* Only the reader is to be interrupted. */
static void start_writer(pthread_t *writer, char *path) {
    sigset_t alarm;
    sigemptyset(&alarm);
    sigaddset(&alarm, SIGALRM);
    pthread_sigmask(SIG_BLOCK, &alarm, NULL);
    cr_assert(pthread_create(writer, NULL, fill_pipe, path) == 0);
    pthread_sigmask(SIG_UNBLOCK, &alarm, NULL);
}

/* What the shell's <(command) gives has no size and comes slowly. */
Test(input, may_be_a_pipe_and_is_not_ended_by_signals) {
    unsigned char data[5000];
    for (size_t i = 0; i < sizeof data; i++) data[i] = (unsigned char)(i * i >> 5 ^ i * 37);
    const char *paths[3] = { write_file("plain", data, sizeof data), write_gzip("gzip", data, sizeof data),
                             write_zstd("zstd", data, sizeof data) };
    interrupt_often(500);
    for (int p = 0; p < 3; p++) {
        caviar_bytes bytes;
        pthread_t writer;
        unsigned char *content = read_file(&piped_size, paths[p]);
        cr_assert(piped_size <= sizeof piped);
        memcpy(piped, content, piped_size);
        free(content);
        char path[192];
        snprintf(path, sizeof path, "%s/pipe%d", folder, p);
        cr_assert(mkfifo(path, 0600) == 0);
        start_writer(&writer, path);
        SUCCEEDS(caviar_file_read(&bytes, path, CAVIAR_MAYBE_COMPRESSED, 0));
        pthread_join(writer, NULL);
        cr_expect(holds(&bytes, data, sizeof data));
        free(bytes.data);
    }
    interrupt_often(0);
}

/* It stays open, and may be a pipe whose reader does not wait. */
Test(input, may_be_standard_input) {
    caviar_bytes bytes;
    pthread_t writer;
    char path[192];
    piped_size = (size_t)snprintf((char *)piped, sizeof piped, "a,b,label\n1,2,x\n3,4,y\n5,6,x\n7,8,y\n");
    snprintf(path, sizeof path, "%s/pipe", folder);
    cr_assert(mkfifo(path, 0600) == 0);
    const int end = open(path, O_RDONLY | O_NONBLOCK), writing = open(path, O_WRONLY);
    cr_assert(end >= 0 && dup2(end, STDIN_FILENO) == STDIN_FILENO);
    start_writer(&writer, path);
    usleep(40000); /* until the writer has opened it */
    close(writing);
    SUCCEEDS(caviar_file_read(&bytes, "-", CAVIAR_MAYBE_COMPRESSED, 0));
    pthread_join(writer, NULL);
    cr_expect(holds(&bytes, piped, piped_size));
    free(bytes.data);
    SUCCEEDS(caviar_file_read(&bytes, "-", CAVIAR_MAYBE_COMPRESSED, 0));
    cr_expect_eq(bytes.size, 0);
    free(bytes.data);
    const int folder_descriptor = open(folder, O_RDONLY | O_DIRECTORY);
    cr_assert(dup2(folder_descriptor, STDIN_FILENO) == STDIN_FILENO);
    REFUSES(read_whole("-"), CAVIAR_IO_ERROR, "standard input: is a folder");
}
